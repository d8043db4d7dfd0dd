"""The guard: word vectors, two floors of convolutions (phrases, then phrases of phrases), pooling, two logits.

Every floor multiplies by the attention mask, so that padding cannot change a score.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from shared import PAD, Vocabulary

DIMENSIONS = 96
TOPIC = 96
SHARPEN = 5.0
WIDTHS = (1, 2, 3, 5)
CHANNELS = 48
UPPER_WIDTH = 5
UPPER_DILATION = 2
MAX_TOKENS = 1024


def starting_table(embedder_table: np.ndarray) -> np.ndarray:
    """The embedder's table on its leading axes, as far as a mean of rows still says what a text is about."""
    used = Vocabulary.load().used
    rows = embedder_table[used]
    _, axes = np.linalg.eigh(rows.T @ rows)
    table = embedder_table @ axes[:, -DIMENSIONS:]
    table /= np.linalg.norm(table[used], axis=1).mean()
    table[~used] = 0
    return table.astype(np.float32)


class Guard(nn.Module):
    """Two voices whose logits add: what the text is about (mean row), and which phrases it holds (convolutions)."""

    def __init__(self, table: np.ndarray):
        super().__init__()
        self.register_buffer("table", torch.from_numpy(table))
        self.topic = nn.Sequential(nn.Linear(DIMENSIONS, TOPIC), nn.ReLU(), nn.Dropout(0.3), nn.Linear(TOPIC, 2))
        self.lower = nn.ModuleList(nn.Conv1d(DIMENSIONS, CHANNELS, width) for width in WIDTHS)
        self.upper = nn.Conv1d(CHANNELS * len(WIDTHS), CHANNELS, UPPER_WIDTH, dilation=UPPER_DILATION)
        pooled = 2 * (CHANNELS * len(WIDTHS) + CHANNELS)
        self.phrase = nn.Sequential(nn.Dropout(0.4), nn.Linear(pooled, CHANNELS), nn.ReLU(), nn.Dropout(0.3), nn.Linear(CHANNELS, 2))

    def voices(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits `[batch × 2]` of either voice, for padded token ids."""
        keep = (ids != PAD).float()[:, None, :]
        x = self.dropout_words(F.embedding(ids, self.table)).transpose(1, 2) * keep
        topic = self.topic(SHARPEN * F.normalize(x.sum(2), dim=1, eps=1e-6))
        lower = torch.cat([F.relu(conv(F.pad(x, sides(width)))) for conv, width in zip(self.lower, WIDTHS)], 1) * keep
        lower_seen = F.dropout(lower, 0.2, self.training)
        upper = F.relu(self.upper(F.pad(lower_seen, sides(UPPER_WIDTH, UPPER_DILATION)))) * keep
        features = torch.cat([lower, upper], 1)
        mean = features.sum(2) / keep.sum(2)
        return topic, self.phrase(torch.cat([features.amax(2), mean], 1))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        topic, phrase = self.voices(ids)
        return topic + phrase

    def dropout_words(self, x: torch.Tensor) -> torch.Tensor:
        """Whole word vectors dropped while training: no single word may decide."""
        if not self.training:
            return x
        return x * (torch.rand(x.shape[:2]) > 0.15)[:, :, None]


def sides(width: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros left and right that keep the length."""
    total = (width - 1) * dilation
    return total // 2, total - total // 2


def batches(ids: list[list[int]], tokens_per_batch: int, rng: np.random.Generator | None) -> list[list[int]]:
    """Indices in batches of like length, shuffled when `rng` is given."""
    noise = rng.uniform(0.85, 1.15, len(ids)) if rng is not None else np.ones(len(ids))
    order = np.argsort(np.array([len(row) for row in ids]) * noise, kind="stable")
    found: list[list[int]] = []
    batch: list[int] = []
    longest = 0
    for index in order.tolist():
        longest = max(longest, len(ids[index]))
        if batch and longest * (len(batch) + 1) > tokens_per_batch:
            found.append(batch)
            batch, longest = [], len(ids[index])
        batch.append(index)
    found.append(batch)
    if rng is not None:
        rng.shuffle(found)
    return found


def padded(rows: list[list[int]]) -> torch.Tensor:
    out = torch.full((len(rows), max(len(row) for row in rows)), PAD)
    for index, row in enumerate(rows):
        out[index, : len(row)] = torch.tensor(row)
    return out


@torch.no_grad()
def score(model: Guard, ids: list[list[int]]) -> np.ndarray:
    """Logit differences (injection minus benign), one per text."""
    model.eval()
    result = np.zeros(len(ids))
    for batch in batches(ids, 16_384, None):
        logits = model(padded([ids[i] for i in batch]))
        result[batch] = (logits[:, 1] - logits[:, 0]).numpy()
    return result
