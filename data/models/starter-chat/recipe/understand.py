"""Trains the lower layers alone, before train.py: to hold what sentences and questions mean, as the teacher of meanings.py has it.

    torchrun --nproc_per_node 2 understand.py --meanings FOLDER --work FOLDER --meaning ../../starter-embed [--minutes 15]

FOLDER of `--work` holds tokenizer.json; its checkpoint.pt is written, from which train.py goes on at step 0.
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
from train import RANK, RANKS, averaged, save

SHARPNESS = 0.07  # of the aim at first
LENGTH, ASKED = 256, "\n\nQuestion: {}<|im_end|>\n<|im_start|>assistant\n"


class Rows:
    """Rows of runs of neighbouring sentences, and of questions, each run for itself."""

    def __init__(self, meanings: Meanings, tokenizer: Tokenizer):
        texts = [t for t in meanings.at if len(t) < 500]
        self.question = [t.endswith("?") or t[:1].islower() for t in texts]
        self.ids = [e.ids for e in tokenizer.encode_batch([ASKED.format(t) if q else " " + t for t, q in zip(texts, self.question)], add_special_tokens=False)]
        self.vectors = torch.from_numpy(meanings.vectors[[meanings.at[t] for t in texts]])

    def batch(self, r: random.Random, rows: int) -> dict:
        ids, position, group, begin = (torch.full((rows, LENGTH), fill) for fill in (0, 0, -1, -1))
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
                    else:
                        begin[row, at:end] = at
                    at = end
                if at == begun:
                    break
                position[row, begun:at] = torch.arange(at - begun)
                group[row, begun:at] = run
                run += 1
        return {"ids": ids, "position": position, "group": group, "turn": torch.zeros_like(group), "begin": begin, "parts": torch.tensor(parts), "wanted": self.vectors[wanted].float()}


def lower(model: Llama, x, cos, sin, mask):
    """The hidden states after layer MEANT, and how surely the head that looks for the start of its sentence finds it, for each place."""
    layer, head, _ = GUIDES["begin"]
    for n, block in enumerate(model.blocks[: MEANT + 1]):
        x, q, k = block(x, cos, sin, mask)
        if n == layer:
            scores = q[:, head] @ k[:, head].transpose(1, 2) * q.shape[-1] ** -0.5 + mask[:, 0]
    return x, scores.float().log_softmax(-1)


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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--meanings", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--meaning", required=True, help="folder of starter-embed, whose word vectors the embedding starts from")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--batch-tokens", type=int, default=6144)
    parser.add_argument("--learning-rate", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    if RANKS > 1:
        dist.init_process_group("gloo")
    tokenizer = Tokenizer.from_file(str(arguments.work / "tokenizer.json"))
    rows = Rows(Meanings(arguments.meanings), tokenizer)
    model = Llama(**CONFIG)
    start_from_meaning(model, [tokenizer.decode([i], skip_special_tokens=False) for i in range(tokenizer.get_vocab_size())], arguments.meaning)
    optimizer, r = Muon(model), random.Random(arguments.seed * 1000 + RANK)
    through = torch.compile(lower)
    began, step, smooth, over = time.time(), 0, 1.0, False
    while not over:
        left = 1 - (time.time() - began) / (60 * arguments.minutes)
        rate, over = arguments.learning_rate * min(1.0, (step + 1) / 100) * max(0.1, left), left <= 0
        batch = rows.batch(r, arguments.batch_tokens // LENGTH)
        middle, found = through(model, *model.entered(batch))
        loss = model.missed(middle, [batch["parts"].T], batch["wanted"])
        row, place = (batch["begin"] >= 0).nonzero(as_tuple=True)
        begin = F.nll_loss(found[row, place], batch["begin"][row, place])
        (loss + GUIDES["begin"][2] * begin).backward()
        if RANKS > 1:
            rate, over = averaged(model, rate, over)
        optimizer.step(rate)
        step += 1
        smooth += 0.02 * (loss.item() - smooth)
        if step % 100 == 0 and RANK == 0:
            print(json.dumps({"step": step, "missed": round(smooth, 3), "begin": round(begin.item(), 3), "tok/s": round(step * arguments.batch_tokens * RANKS / (time.time() - began)), "rate": round(rate, 5)}), flush=True)
    if RANK == 0:
        aim_by_meaning(model, rows.vectors, middle.detach(), batch["parts"])
        save(arguments.work / "checkpoint.pt", model, Muon(model), CONFIG, 0, time.time() - began)


if __name__ == "__main__":
    main()
