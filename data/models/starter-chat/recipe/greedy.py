"""Answers of a checkpoint, greedy, without a server: the judge of evaluate.py on PyTorch, for choosing while training.

    python greedy.py --work run --questions eval/development.jsonl [--show]
"""

import argparse
import json
import pathlib

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from evaluate import messages, summary, verdict
from model import Llama


def prompt(row: dict) -> str:
    return "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages(row)) + "<|im_start|>assistant\n"


def draft(ids: list[int], said: list[int], most: int = 40) -> list[int]:
    """What follows in the prompt where it last said the same two tokens: an answer is mostly a copy, so most of it is checked at once."""
    at = next((n for n in range(len(ids) - 1, 1, -1) if ids[n - 2 : n] == said[-2:]), len(ids)) if len(said) > 1 else len(ids)
    return ids[at : at + most]


@torch.no_grad()
def answer(model: Llama, tokenizer: Tokenizer, text: str, most: int = 120) -> str:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    said: list[int] = []
    while len(said) < most:
        guess = draft(ids, said)
        row = torch.tensor([ids + said + guess])
        zero = torch.zeros_like(row)
        hidden, *_ = model({"ids": row, "position": torch.arange(row.shape[1])[None], "group": zero, "turn": zero})
        best = F.linear(hidden[0, -1 - len(guess) :], model.embedding.to(hidden.dtype)).argmax(-1).tolist()
        for n, token in enumerate(best):
            if token == 2:
                return tokenizer.decode(said)
            said.append(token)
            if n < len(guess) and token != guess[n]:
                break
    return tokenizer.decode(said[:most])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--questions", required=True)
    parser.add_argument("--show", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    saved = torch.load(arguments.work / "checkpoint.pt", weights_only=False, map_location="cpu")
    model = Llama(**saved["config"])
    model.load_state_dict(saved["model"])
    tokenizer = Tokenizer.from_file(str(arguments.work / "tokenizer.json"))
    rows = [json.loads(line) for line in open(arguments.questions)]
    verdicts = [verdict(row, answer(model, tokenizer, prompt(row)), arguments.show) for row in rows]
    print(json.dumps({"step": saved["step"], **summary(rows, verdicts)}))


if __name__ == "__main__":
    main()
