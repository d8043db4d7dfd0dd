"""Trains the lower layers alone, before train.py: to hold what sentences and questions mean, as the teacher of meanings.py has it.

    torchrun --nproc_per_node 2 understand.py --prose PROSE.jsonl [and the other texts, as for train.py] --meanings FOLDER --work FOLDER
                                              --meaning ../../starter-embed [--minutes 25]

Half of the tokens are sentences and questions by themselves, half the rows that train.py learns from. FOLDER of `--work` holds tokenizer.json;
its checkpoint.pt is written, from which train.py goes on at step 0.
"""

import argparse
import json
import pathlib
import random
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F
from tokenizers import Tokenizer

from meanings import Meanings
from model import CONFIG, GUIDES, MEANT, Llama, Muon, means, start_from_meaning
from train import RANK, RANKS, add_texts, averaged, collate, generator_of, make_row, save

SHARPNESS = 0.07  # of the aim at first
GUIDED = {"begin": 0.3, "number": 0.15, "gather": 0.3, "match": 0.6}  # guides, and their weights
LENGTHS, LEVELS = (256, 768), (0.3, 0.8, 1.0)  # of rows as train.py has them
LENGTH, ASKED = 256, "\n\nQuestion: {}<|im_end|>\n<|im_start|>assistant\n"


class Rows:
    """Rows of runs of neighbouring sentences, and of questions, each run for itself."""

    def __init__(self, meanings: Meanings, tokenizer: Tokenizer):
        texts = [t for t in meanings.at if len(t) < 500]
        self.question = [t.endswith("?") or t[:1].islower() for t in texts]
        self.ids = [e.ids for e in tokenizer.encode_batch([ASKED.format(t) if q else " " + t for t, q in zip(texts, self.question)], add_special_tokens=False)]
        self.vectors = torch.from_numpy(meanings.vectors[[meanings.at[t] for t in texts]])

    def batch(self, r: random.Random, rows: int) -> dict:
        ids, position, group = (torch.full((rows, LENGTH), fill) for fill in (0, 0, -1))
        parts, wanted = [], []
        for row in range(rows):
            at, run = 0, 0
            while at < LENGTH - 12:
                n, begun = r.randrange(len(self.ids)), at
                many = 1 if self.question[n] else r.choice([1, 2, 4, 8])
                for k in range(n, min(n + many, len(self.ids))):
                    if self.question[k] != self.question[n] or at + len(self.ids[k]) > LENGTH:
                        break
                    end = at + len(self.ids[k])
                    ids[row, at:end] = torch.tensor(self.ids[k])
                    parts.append((row, at, end - 1)), wanted.append(k)
                    if self.question[k]:  # and the place where its answer would start
                        parts.append((row, end - 1, end - 1)), wanted.append(k)
                    at = end
                if at == begun:
                    break
                position[row, begun:at] = torch.arange(at - begun)
                group[row, begun:at] = run
                run += 1
        return {"ids": ids, "position": position, "group": group, "turn": torch.zeros_like(group), "parts": torch.tensor(parts), "wanted": self.vectors[wanted].float()}


def lower(model: Llama, x, cos, sin, mask):
    """The hidden states after layer MEANT, and the queries and keys of the layers up to it."""
    looked = []
    for block in model.blocks[: MEANT + 1]:
        x, q, k = block(x, cos, sin, mask)
        looked.append((q, k))
    return x, looked


@torch.no_grad()
def aim_by_meaning(model: Llama, vectors: torch.Tensor, middle: torch.Tensor, parts: torch.Tensor) -> None:
    """Starts the head that aims as one that looks at what means the like: the main axes of the vectors on its slow rotary pairs."""
    layer, head, _ = GUIDES["aim"]
    width = middle.shape[-1]
    size = width // model.blocks[layer].heads
    _, axes = torch.linalg.eigh(torch.cov(vectors[:20_000].float().T))
    seen = axes[:, -size // 2 :].T @ model.meant  # the least first
    length = F.linear(means(middle, [parts.T]), seen).norm(dim=1).mean()
    scale = (size**0.5 / SHARPNESS) ** 0.5 / length
    pairs = range(size // 4, size // 2)
    places = [i + half for i in pairs for half in (0, size // 2)]
    q, k = (model.blocks[layer].qkv[at : at + size] for at in (head * size, width + head * size))
    q.zero_()
    q[places] = scale * seen
    k.copy_(q)


def passed(through, model: Llama, batch: dict):
    x, cos, sin, mask = model.entered(batch)
    middle, looked = through(model, x, cos, sin, mask)
    return middle, looked, mask[:, 0]


def main() -> None:
    parser = argparse.ArgumentParser()
    add_texts(parser)
    parser.add_argument("--meanings", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--meaning", required=True, help="folder of starter-embed, whose word vectors the embedding starts from")
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--batch-tokens", type=int, default=6144)
    parser.add_argument("--learning-rate", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    if RANKS > 1:
        dist.init_process_group("gloo")
    tokenizer = Tokenizer.from_file(str(arguments.work / "tokenizer.json"))
    generator, meanings = generator_of(arguments), Meanings(arguments.meanings)
    rows = Rows(meanings, tokenizer)
    model = Llama(**CONFIG)
    start_from_meaning(model, [tokenizer.decode([i], skip_special_tokens=False) for i in range(tokenizer.get_vocab_size())], arguments.meaning)
    optimizer, r, both = Muon(model), random.Random(arguments.seed * 1000 + RANK), random.Random(arguments.seed)
    through = torch.compile(lower)
    began, step, running, over = time.time(), 0, {}, False
    while not over:
        left = 1 - (time.time() - began) / (60 * arguments.minutes)
        rate, over = arguments.learning_rate * min(1.0, (step + 1) / 100) * max(0.1, left), left <= 0
        alone = rows.batch(r, arguments.batch_tokens // 2 // LENGTH)
        length = both.choice(LENGTHS)
        packed = collate([make_row(generator, tokenizer, r, length, r.choice(LEVELS)) for _ in range(arguments.batch_tokens // 2 // length)], meanings)
        middle, looked, mask = passed(through, model, packed)
        missed = {"packed": model.meaning(packed, middle)} | model.guides(packed, looked, mask, {*GUIDED})
        (missed["packed"] + sum(GUIDED[name] * missed[name] for name in GUIDED)).backward()
        middle, looked, mask = passed(through, model, alone)
        missed["alone"] = model.missed(middle, [alone["parts"].T], alone["wanted"])
        missed["alone"].backward()
        if RANKS > 1:
            rate, over = averaged(model, rate, over)
        optimizer.step(rate)
        step += 1
        for name, value in missed.items():
            running[name] = 0.96 * running.get(name, value.detach()) + 0.04 * value.detach()
        if step % 50 == 0 and RANK == 0:
            print(json.dumps({"step": step, **{name: round(float(value), 3) for name, value in running.items()}, "tok/s": round(step * arguments.batch_tokens * RANKS / (time.time() - began)), "rate": round(rate, 5)}), flush=True)
    if RANK == 0:
        aim_by_meaning(model, rows.vectors, middle.detach(), alone["parts"])
        save(arguments.work / "checkpoint.pt", model, Muon(model), CONFIG, 0, time.time() - began)


if __name__ == "__main__":
    main()
