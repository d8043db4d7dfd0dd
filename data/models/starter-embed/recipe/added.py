"""Whole words of the documentation that the teacher's vocabulary splits: the most frequent become entries of their own.

Also counts every entry, for the SIF weights. Run after corpus.py and before distill.py.
"""

import re
from collections import Counter

import numpy as np

from corpus import read_paragraphs
from paths import WORK
from student import Vocabulary, encode_texts
from teach import banking77_train, stsb_train
from teacher import teacher_tokenizer

ADDED = 3000


def choose_words() -> None:
    known = teacher_tokenizer().get_vocab()
    counts = Counter(
        word for paragraph in read_paragraphs() for text in paragraph for word in re.findall(r"[a-z]{4,20}", text.lower())
    )
    chosen = [word for word, count in counts.most_common() if word not in known and count >= 8][:ADDED]
    (WORK / "added-words.txt").write_text("\n".join(chosen))
    print(len(chosen), "words added, from", chosen[:5], "to", chosen[-5:])


def count_entries() -> None:
    """Documentation and everyday sentences count alike, whatever their sizes."""
    vocabulary = Vocabulary.load()
    tokenizer = vocabulary.tokenizer()
    total = np.zeros(len(vocabulary.pieces))
    for texts in ([" ".join(paragraph) for paragraph in read_paragraphs()], [*stsb_train(), *banking77_train()]):
        ids = np.concatenate([np.array(row) for row in encode_texts(tokenizer, texts)])
        counts = np.bincount(ids, minlength=len(total))
        counts[~vocabulary.used] = 0
        total += counts / counts.sum() * 5e6
    np.save(WORK / "counts.npy", total)


if __name__ == "__main__":
    choose_words()
    (WORK / "vocabulary.txt").unlink(missing_ok=True)
    count_entries()
