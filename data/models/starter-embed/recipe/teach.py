"""Collects the training texts and the teacher's vector of each, shard by shard; run again to resume.

Texts: sentences and paragraphs of documentation, generated sentences and word groups, STS-B train sentences,
Banking77 train questions. No text of an evaluation set.
"""

import csv
import itertools
import json
import random
import sys

import numpy as np
import torch

from corpus import read_paragraphs
from paths import DATA, WORK
from sentences import everyday, word_groups
from student import Vocabulary
from teacher import Teacher

SEED = 1729
SHARD = 4096
SHARDS = 64
"""The committed weights come from this many shards of the shuffled texts, 262,144 in all; more would teach a little more."""
WORDS = 120
"""Longer paragraphs are cut here: vectors of longer text add cost and little else."""


def stsb_train() -> list[str]:
    with open(DATA / "stsb/stsb-en-train.csv", newline="", encoding="utf-8") as file:
        return [text for row in csv.reader(file) for text in row[:2]]


def banking77_train() -> list[str]:
    with open(DATA / "banking77/train.csv", newline="", encoding="utf-8") as file:
        return [row[0] for row in itertools.islice(csv.reader(file), 1, None)]


def training_texts() -> list[str]:
    """All texts, without duplicates, shuffled once."""
    rng = random.Random(SEED)
    words = [piece for piece in Vocabulary.load().pieces if piece.isascii() and piece.isalpha() and len(piece) > 2]
    found = [*stsb_train(), *banking77_train(), *everyday(60_000, words, SEED), *word_groups(60_000, words, SEED)]
    for paragraph in read_paragraphs():
        found.append(" ".join(" ".join(paragraph).split()[:WORDS]))
        if len(paragraph) > 1:
            found += rng.sample(paragraph, min(2, len(paragraph)))
    found = list(dict.fromkeys(text.strip() for text in found if len(text) > 2))
    rng.shuffle(found)
    return found


def texts_path():
    return WORK / "texts.jsonl"


def read_texts() -> list[str]:
    with open(texts_path(), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def main() -> None:
    torch.set_num_threads(1)
    if not texts_path().exists():
        lines = [json.dumps(text, ensure_ascii=False) for text in training_texts()]
        texts_path().write_text("\n".join(lines) + "\n", encoding="utf-8")
    texts = read_texts()
    folder = WORK / "vectors"
    folder.mkdir(exist_ok=True)
    teacher = Teacher()
    for start in range(0, min(len(texts), SHARD * SHARDS), SHARD):
        path = folder / f"{start // SHARD:05d}.npy"
        if not path.exists():
            np.save(path.with_suffix(".part.npy"), teacher.encode(texts[start : start + SHARD]).astype(np.float16))
            path.with_suffix(".part.npy").rename(path)
            print(f"{start + SHARD} of {len(texts)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
