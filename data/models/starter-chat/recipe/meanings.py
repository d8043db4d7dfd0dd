"""What sentences and questions mean, as all-MiniLM-L6-v2 has it: what the model is shown while it trains (see model.py).

    python meanings.py PROSE.jsonl [GLOSSES.jsonl …] --out FOLDER [--written questions] [--people xquad.en.json] [--banking train.csv]

The teacher is that of starter-embed. Run again, it encodes what is new. Texts that were not encoded
beforehand, as those of invented facts, are encoded when they come.
"""

import argparse
import csv
import json
import pathlib
import sys

import numpy as np
import torch

import people
import written
from model import MEANT_WIDTH

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "starter-embed" / "recipe"))


class Meanings:
    """Unit vectors `[texts × 384]`, float16; those in `folder` are read, all others made and kept while there is room."""

    def __init__(self, folder: pathlib.Path, kept: int = 100_000):
        self.vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        self.at = {text: n for n, text in enumerate(json.load(open(folder / "texts.json")))}
        self.made: dict[str, np.ndarray] = {}
        self.kept, self.teacher = kept, None

    def of(self, texts: list[str]) -> np.ndarray:
        missing = list(dict.fromkeys(t for t in texts if t not in self.at and t not in self.made))
        if missing:
            if self.teacher is None:
                from teacher import Teacher

                self.teacher = Teacher()
            if len(self.made) + len(missing) > self.kept:
                self.made.clear()
                missing = list(dict.fromkeys(t for t in texts if t not in self.at))
            self.made.update(zip(missing, self.teacher.encode(missing).astype(np.float16)))
        out = np.zeros((len(texts), MEANT_WIDTH), dtype=np.float16)
        for n, text in enumerate(texts):
            out[n] = self.made[text] if text in self.made else self.vectors[self.at[text]]
        return out


def texts(arguments) -> list[str]:
    found: dict[str, None] = {}
    for path in arguments.prose:
        for line in open(path):
            found.update((s, None) for section in json.loads(line)["sections"] for p in section["paragraphs"] for s in p)
    groups = [g for development in (False, True) for g in [*(people.read(arguments.people, development) if arguments.people else []), *(written.read(arguments.written, development) if arguments.written else [])]]
    for paragraph in (p for group in groups for p in group):
        found.update((s, None) for s in paragraph.sentences)
        found.update((q, None) for one in (*paragraph.asked, *paragraph.unanswered) for q in one.questions)
    if arguments.banking:
        found.update((row["text"].strip(), None) for row in csv.DictReader(open(arguments.banking)))
    return list(found)


def encoded(part: list[str]) -> np.ndarray:
    from teacher import Teacher

    torch.set_num_threads(1)
    teacher, every = Teacher(), [np.zeros((0, MEANT_WIDTH), dtype=np.float16)]
    for n in range(0, len(part), 5000):
        every.append(teacher.encode(part[n : n + 5000]).astype(np.float16))
        print(f"{n + len(every[-1])} of {len(part)}", flush=True)
    return np.concatenate(every)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("prose", nargs="+")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--written")
    parser.add_argument("--people")
    parser.add_argument("--banking")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    found = texts(arguments)
    known = Meanings(arguments.out) if (arguments.out / "texts.json").exists() else None
    fresh = [text for text in found if not known or text not in known.at]
    parts = [fresh[n :: arguments.processes] for n in range(arguments.processes)]
    with torch.multiprocessing.Pool(arguments.processes) as pool:
        done = pool.map(encoded, parts, 1)
    at = {text: vector for part, every in zip(parts, done) for text, vector in zip(part, every)}
    vectors = np.stack([at[text] if text in at else known.vectors[known.at[text]] for text in found])
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.save(arguments.out / "vectors.npy", vectors)
    (arguments.out / "texts.json").write_text(json.dumps(found))
    print(len(found), "texts")


if __name__ == "__main__":
    main()
