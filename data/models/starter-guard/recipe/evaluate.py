"""Prints the card's figures from the exported ONNX file: unseen injections, benign prose, thresholds."""

import csv
import itertools
import json
from collections import Counter

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from dataset import Source
from measure import auc, calibration_error, probability, threshold_at
from model import MAX_TOKENS, batches
from shared import DATA, MODELS


class Guard:
    """Scores of texts from the exported files alone."""

    def __init__(self, folder=MODELS / "starter-guard"):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(folder / "onnx/model.onnx"), options)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def scores(self, texts: list[str]) -> np.ndarray:
        ids = [encoded.ids[:MAX_TOKENS] for encoded in self.tokenizer.encode_batch(texts)]
        result = np.zeros(len(texts))
        for batch in batches(ids, 16_384, None):
            longest = max(len(ids[i]) for i in batch)
            tokens = np.zeros((len(batch), longest), dtype=np.int64)
            mask = np.zeros_like(tokens)
            for row, i in enumerate(batch):
                tokens[row, : len(ids[i])] = ids[i]
                mask[row, : len(ids[i])] = 1
            (logits,) = self.session.run(["logits"], {"input_ids": tokens, "attention_mask": mask})
            result[batch] = logits[:, 1] - logits[:, 0]
        return result


def injection_rows() -> tuple[list[str], np.ndarray, list[str]]:
    """dataset_merged.jsonl, duplicates dropped: texts, labels, types. Evaluation only."""
    lines = (DATA / "prompt-injection/dataset_merged.jsonl").read_text(encoding="utf-8").splitlines()
    rows = {row["text"]: row for row in map(json.loads, filter(str.strip, lines))}
    return list(rows), np.array([int(row["label"]) for row in rows.values()]), [str(row["injection_type"]) for row in rows.values()]


def xquad_texts() -> tuple[list[str], list[str]]:
    """English paragraphs and questions of XQuAD."""
    data = json.loads((DATA / "xquad/xquad.en.json").read_text(encoding="utf-8"))["data"]
    paragraphs = [p for article in data for p in article["paragraphs"]]
    return [p["context"] for p in paragraphs], [qa["question"] for p in paragraphs for qa in p["qas"]]


def report(scores_of) -> None:
    """All figures, of any function from texts to logit differences."""
    texts, labels, kinds = injection_rows()
    scores = scores_of(texts)
    print(f"dataset_merged.jsonl: {len(texts)} distinct texts, {labels.sum()} injections")
    print(f"  ROC AUC {auc(scores, labels):.4f}; ECE (15 bins) {calibration_error(scores, labels):.4f}; at p 0.5: recall {(scores[labels == 1] > 0).mean():.3f}, false positives {(scores[labels == 0] > 0).mean():.3f}")
    paragraphs, questions = xquad_texts()
    prose = scores_of([*paragraphs, *questions])
    threshold = threshold_at(prose, 0.01)
    print(f"xquad.en: {len(paragraphs)} paragraphs and {len(questions)} questions; 1 % false positives at p = {probability(np.array(threshold)):.4f}")
    print(f"  false positives at p 0.5: paragraphs {(prose[: len(paragraphs)] > 0).mean():.4f}, questions {(prose[len(paragraphs) :] > 0).mean():.4f}")
    print(f"  recall of injections at that threshold {(scores[labels == 1] > threshold).mean():.4f}; false positives on the set's own benign rows {(scores[labels == 0] > threshold).mean():.4f}")
    for kind, count in Counter(k for k, label in zip(kinds, labels) if label).most_common():
        mine = np.array([k == kind for k in kinds])
        pooled = mine | (labels == 0)
        print(f"  {kind:22s} n {count:4d}  recall {(scores[mine & (labels == 1)] > threshold).mean():.3f}  AUC {auc(scores[pooled], labels[pooled]):.3f}")


    thresholds(scores_of, scores[labels == 1], prose)


def thresholds(scores_of, injections: np.ndarray, prose: np.ndarray) -> None:
    """What a threshold on P(injection) costs on harmless text and catches, also of attacks inside XQuAD paragraphs."""
    with open(DATA / "banking77/test.csv", newline="", encoding="utf-8") as file:
        banking = scores_of([row[0] for row in itertools.islice(csv.reader(file), 1, None)])
    with open(DATA / "stsb/stsb-en-dev.csv", newline="", encoding="utf-8") as file:
        sentences = scores_of([row[0] for row in csv.reader(file)])
    source = Source(held=True)
    paragraphs, _ = xquad_texts()
    hidden = scores_of([f"{paragraph} {source.plain_attack()}" for paragraph in paragraphs])
    print("threshold: false positives xquad, banking77 test, STS-B dev; recall injection set, held-out attacks at the end of xquad paragraphs")
    for p in (0.5, 0.7, 0.8, 0.9, 0.95):
        cut = np.log(p / (1 - p))
        print(f"  {p:.2f}: " + ", ".join(f"{(found > cut).mean():.3f}" for found in (prose, banking, sentences, injections, hidden)))


if __name__ == "__main__":
    report(Guard().scores)
