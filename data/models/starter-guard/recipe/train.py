"""Trains the guard on generated examples, then fits one temperature on the held-out split; run again to resume."""

import os

import numpy as np
import torch
import torch.nn.functional as F

from dataset import examples
from measure import auc, calibration_error, fit_temperature, recall_at
from model import MAX_TOKENS, Guard, batches, padded, score, starting_table
from shared import WORK, Vocabulary, encode_texts

SEED = 1729
EXAMPLES = int(os.environ.get("EXAMPLES", 160_000))
HELD_OUT = 12_000
EPOCHS = int(os.environ.get("EPOCHS", 4))
TOKENS_PER_BATCH = 8_192
TRAIN_TOKENS = 384
RATE = 2e-3
CHECKPOINT = WORK / "guard.pt"


def tokenised(count: int, held: bool) -> tuple[list[list[int]], np.ndarray, list[str]]:
    found = examples(count, held)
    ids = encode_texts(Vocabulary.load().tokenizer(), [text for text, _, _ in found], TRAIN_TOKENS)
    return ids, np.array([label for _, label, _ in found]), [kind for _, _, kind in found]


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    ids, labels, _ = tokenised(EXAMPLES, held=False)
    held_ids, held_labels, held_kinds = tokenised(HELD_OUT, held=True)
    print(len(ids), "examples, mean tokens", np.mean([len(row) for row in ids]), flush=True)
    model = Guard(starting_table(np.load(WORK / os.environ.get("TABLE", "trained.npy"))))
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.02)
    per_epoch = len(batches(ids, TOKENS_PER_BATCH, np.random.default_rng(SEED)))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: max(0.02, 1 - step / (1.05 * EPOCHS * per_epoch)))
    first = 0
    if CHECKPOINT.exists():
        saved = torch.load(CHECKPOINT)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        first = saved["epoch"]
    for epoch in range(first, EPOCHS):
        model.train()
        total, steps = 0.0, 0
        for batch in batches(ids, TOKENS_PER_BATCH, np.random.default_rng(SEED + epoch)):
            topic, phrase = model.voices(padded([ids[i] for i in batch]))
            wanted = torch.from_numpy(labels[batch])
            loss = sum(F.cross_entropy(logits, wanted, label_smoothing=0.03) for logits in (topic + phrase, topic, phrase))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total, steps = total + loss.item(), steps + 1
        scores = score(model, held_ids)
        print(f"epoch {epoch + 1} loss {total / steps:.4f} held-out phrases: AUC {auc(scores, held_labels):.4f} recall at 1% {recall_at(scores, held_labels, 0.01):.3f}", flush=True)
        state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict(), "epoch": epoch + 1}
        torch.save(state, CHECKPOINT)
    scores = score(model, held_ids)
    for kind in sorted(set(held_kinds)):
        mine = np.array([k == kind for k in held_kinds])
        print(f"  {kind:14s} n {mine.sum():5d}  called injection {(scores[mine] > 0).mean():.3f}")
    temperature = fit_temperature(scores, held_labels)
    print(f"temperature {temperature:.3f}; ECE before {calibration_error(scores, held_labels):.4f}, after {calibration_error(scores / temperature, held_labels):.4f}")
    torch.save({"model": model.state_dict(), "temperature": temperature, "max_tokens": MAX_TOKENS}, WORK / "guard-final.pt")


if __name__ == "__main__":
    main()
