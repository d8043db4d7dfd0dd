"""Token vectors straight from the teacher: the student's starting point and a usable model by itself.

Every vocabulary entry is encoded alone, projected by PCA and weighted by its expected frequency
(Model2Vec, Tulkens & van Dongen 2024; SIF weights, Arora et al. 2017).
"""

import numpy as np
import torch

from paths import WORK
from student import DIMENSIONS, Vocabulary
from teacher import Teacher

SIF = 1e-3


def token_vectors(teacher: Teacher, vocabulary: Vocabulary) -> np.ndarray:
    """Teacher vectors `[entries × 384]` of every student entry encoded alone."""
    texts = [teacher.tokenizer.encode(text, add_special_tokens=False).ids for text in vocabulary.texts()]
    own = {piece: index for index, piece in enumerate(vocabulary.pieces)}
    tokens = teacher.tokenizer.get_vocab()
    for piece, index in own.items():
        if piece in tokens:
            texts[index] = [tokens[piece]]
    vectors = np.zeros((len(texts), 384), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(order), 1024):
        rows = order[start : start + 1024]
        vectors[rows] = teacher.encode_ids([texts[i] or [100] for i in rows])
    return vectors


def principal_axes(vectors: np.ndarray, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and leading axes `[384 × dimensions]`."""
    mean = vectors.mean(0)
    _, axes = np.linalg.eigh(np.cov((vectors - mean).T))
    return mean, np.ascontiguousarray(axes[:, ::-1][:, :dimensions])


def distill(vocabulary: Vocabulary, vectors: np.ndarray, sif: float = SIF) -> np.ndarray:
    """The weighted table `[entries × dimensions]`; entries the vocabulary marks empty are zero."""
    mean, axes = principal_axes(vectors[vocabulary.used], DIMENSIONS)
    table = (vectors - mean) @ axes
    table *= (sif / (sif + vocabulary.frequency()))[:, None]
    table[~vocabulary.used] = 0
    return table.astype(np.float32)


if __name__ == "__main__":
    torch.set_num_threads(1)
    vocabulary = Vocabulary.load()
    path = WORK / "token-vectors.npy"
    if not path.exists():
        np.save(path, token_vectors(Teacher(), vocabulary))
    np.save(WORK / "distilled.npy", distill(vocabulary, np.load(path)))
