"""Trains the token table so that texts lie to each other as the teacher says; run again to resume.

Loss, over a batch of texts: cosine to the teacher's vector (projected on its leading axes), plus the divergence between the
teacher's and the student's softmax over the other texts of the batch (relational distillation), plus a pull to the distilled
start that keeps words the texts lack where they were.
"""

import os

import numpy as np
import torch
import torch.nn.functional as F

from paths import WORK
from score import spearman, stsb_rows
from student import CLS, PAD, Vocabulary, embed, encode_texts
from teach import SHARD, read_texts

SEED = 1729
EPOCHS = int(os.environ.get("EPOCHS", 8))
BATCH = 1024
RATE = 3e-3
TEMPERATURE = 0.05
ANCHOR = 1e-2
CHECKPOINT = WORK / "train.pt"


def load_pairs() -> tuple[list[list[int]], torch.Tensor]:
    """Token ids (no [CLS]) and teacher vectors of every text taught so far."""
    shards = sorted(path for path in (WORK / "vectors").glob("*.npy") if ".part" not in path.name)
    targets = np.concatenate([np.load(path) for path in shards])
    texts = read_texts()[: len(targets)]
    assert all(int(path.stem) == index for index, path in enumerate(shards)), f"shards of {SHARD} texts are missing"
    ids = [[token for token in row if token != CLS] or [PAD] for row in encode_texts(Vocabulary.load().tokenizer(), texts)]
    return ids, torch.from_numpy(targets.astype(np.float32))


def leading_axes(targets: torch.Tensor, dimensions: int) -> torch.Tensor:
    """Axes `[384 × dimensions]` that keep most of the teacher's inner products (not centred, to keep cosines)."""
    _, axes = torch.linalg.eigh(targets.T @ targets)
    return axes[:, -dimensions:]


def aligned(start: torch.Tensor, ids: list[list[int]], targets: torch.Tensor) -> torch.Tensor:
    """The start table rotated towards the targets (orthogonal Procrustes), rows at mean length one."""
    vectors = torch.from_numpy(embed(start.numpy(), ids)).float()
    left, _, right = torch.linalg.svd(vectors.T @ targets)
    table = start @ (left @ right)
    return table / table.norm(dim=1).mean()


def batch_loss(table: torch.Tensor, rows: list[list[int]], targets: torch.Tensor, projected: torch.Tensor) -> torch.Tensor:
    offsets = torch.tensor([0, *np.cumsum([len(row) for row in rows])[:-1].tolist()])
    flat = torch.tensor([token for row in rows for token in row])
    student = F.normalize(F.embedding_bag(flat, table, offsets, mode="mean"), dim=1)
    cosine = 1 - (student * projected).sum(1).mean()
    diagonal = torch.eye(len(rows), dtype=torch.bool)
    teacher_rows = (targets @ targets.T / TEMPERATURE).masked_fill(diagonal, -1e4).log_softmax(1)
    student_rows = (student @ student.T / TEMPERATURE).masked_fill(diagonal, -1e4).log_softmax(1)
    return cosine + F.kl_div(student_rows, teacher_rows, log_target=True, reduction="batchmean")


def report(table: torch.Tensor) -> str:
    """Spearman against the gold of STS-B *train*, whose sentences (not scores) are trained on."""
    first, second, gold = stsb_rows("train")
    tokenizer = Vocabulary.load().tokenizer()
    sides = [embed(table.numpy(), encode_texts(tokenizer, texts)) for texts in (first, second)]
    return f"STS-B train {spearman((sides[0] * sides[1]).sum(1), gold):.4f}"


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    ids, targets = load_pairs()
    held = min(4096, len(ids) // 10)
    start = torch.from_numpy(np.load(WORK / "distilled.npy"))
    projected = F.normalize(targets @ leading_axes(targets, start.shape[1]), dim=1)
    start = aligned(start, ids[:20_000], projected[:20_000])
    table = torch.nn.Parameter(start.clone())
    optimiser = torch.optim.Adam([table], lr=RATE, betas=(0.9, 0.99))
    steps = (len(ids) - held) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=EPOCHS * steps, pct_start=0.05)
    first_epoch = 0
    if CHECKPOINT.exists():
        saved = torch.load(CHECKPOINT)
        table.data, first_epoch = saved["table"], saved["epoch"]
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
    print("texts", len(ids), "start", report(start), flush=True)
    for epoch in range(first_epoch, EPOCHS):
        order = torch.randperm(len(ids) - held, generator=torch.Generator().manual_seed(SEED + epoch)) + held
        total = 0.0
        for step in range(steps):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            loss = batch_loss(table, [ids[i] for i in chosen.tolist()], targets[chosen], projected[chosen])
            anchor = ANCHOR * (table - start).square().sum(1).mean()
            optimiser.zero_grad()
            (loss + anchor).backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        with torch.no_grad():
            check = [batch_loss(table, ids[i : i + BATCH], targets[i : i + BATCH], projected[i : i + BATCH]) for i in range(0, held - BATCH + 1, BATCH)]
            print(f"epoch {epoch + 1} loss {total / steps:.4f} held out {sum(check) / max(len(check), 1):.4f} {report(table.detach())}", flush=True)
        state = {"table": table.data, "epoch": epoch + 1, "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}
        torch.save(state, CHECKPOINT)
    trained = table.detach().numpy().copy()
    trained[~Vocabulary.load().used] = 0
    np.save(WORK / "trained.npy", trained)


if __name__ == "__main__":
    main()
