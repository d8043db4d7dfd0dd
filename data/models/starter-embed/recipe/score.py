"""The figures the cards report, over any function from texts to unit vectors."""

import csv
import re
from collections.abc import Callable

import numpy as np

from paths import DATA

Encode = Callable[[list[str]], np.ndarray]


def ranks(values: np.ndarray) -> np.ndarray:
    """Average ranks, ties shared."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def stsb_rows(split: str) -> tuple[list[str], list[str], np.ndarray]:
    """STS-B: first sentences, second sentences, gold scores 0–5."""
    with open(DATA / "stsb" / f"stsb-en-{split}.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return [r[0] for r in rows], [r[1] for r in rows], np.array([float(r[2]) for r in rows])


def stsb_spearman(encode: Encode, split: str = "dev") -> float:
    first, second, gold = stsb_rows(split)
    return spearman((encode(first) * encode(second)).sum(1), gold)


def cisi() -> tuple[dict[int, str], dict[int, str], dict[int, set[int]]]:
    """CISI: documents (title and abstract), queries (.W text), relevant documents by query."""

    def records(name: str) -> dict[int, dict[str, str]]:
        text = (DATA / "cisi" / name).read_text(encoding="utf-8", errors="replace")
        found: dict[int, dict[str, str]] = {}
        for part in re.split(r"^\.I ", text, flags=re.M)[1:]:
            number, _, rest = part.partition("\n")
            pieces = re.split(r"^\.([TAWXB])[^\n]*\n", rest, flags=re.M)
            fields: dict[str, str] = {}
            for key, value in zip(pieces[1::2], pieces[2::2]):
                fields[key] = f"{fields.get(key, '')} {' '.join(value.split())}".strip()
            found[int(number)] = fields
        return found

    documents = {n: f"{f.get('T', '')} {f.get('W', '')}".strip() for n, f in records("CISI.ALL").items()}
    queries = {n: f.get("W", "") for n, f in records("CISI.QRY").items()}
    relevant: dict[int, set[int]] = {}
    for line in (DATA / "cisi" / "CISI.REL").read_text().splitlines():
        if len(parts := line.split()) >= 2:
            relevant.setdefault(int(parts[0]), set()).add(int(parts[1]))
    return documents, queries, relevant


def cisi_ndcg(encode: Encode, k: int = 10, chunk_words: int | None = None) -> float:
    """Mean nDCG@k, binary gains, ideal over all judged documents.

    A document is one vector of its whole text, or with `chunk_words` scores as its best chunk.
    """
    documents, queries, relevant = cisi()
    texts, owner = [], []
    for index, text in enumerate(documents.values()):
        words = text.split()
        step = chunk_words or max(len(words), 1)
        for start in range(0, max(len(words), 1), step):
            texts.append(" ".join(words[start : start + step]))
            owner.append(index)
    asked = [n for n in queries if relevant.get(n)]
    scores = encode([queries[n] for n in asked]) @ encode(texts).T
    best = np.full((len(asked), len(documents)), -2.0)
    for column, index in enumerate(owner):
        best[:, index] = np.maximum(best[:, index], scores[:, column])
    numbers = list(documents)
    discounts = 1 / np.log2(np.arange(k) + 2)
    total = 0.0
    for row, query in enumerate(asked):
        top = np.argsort(-best[row], kind="stable")[:k]
        gains = np.array([numbers[i] in relevant[query] for i in top], dtype=float)
        total += float((gains * discounts).sum() / discounts[: min(k, len(relevant[query]))].sum())
    return total / len(asked)
