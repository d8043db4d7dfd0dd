"""Prints the card's figures from the exported files, as transformers.js computes them: mean pooling, then unit length."""

import hashlib

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from paths import MODELS
from score import cisi_ndcg, stsb_spearman
from student import MAX_TOKENS


class Embedder:
    """Unit vectors of texts from the exported files alone."""

    def __init__(self, folder=MODELS / "starter-embed"):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(folder / "onnx/model.onnx"), options)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.concatenate([self._batch(texts[start : start + 64]) for start in range(0, len(texts), 64)])

    def _batch(self, texts: list[str]) -> np.ndarray:
        rows = [encoded.ids[:MAX_TOKENS] for encoded in self.tokenizer.encode_batch(texts)]
        ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
            mask[index, : len(row)] = 1
        (hidden,) = self.session.run(["last_hidden_state"], {"input_ids": ids, "attention_mask": mask})
        pooled = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)


def print_hashes(folder) -> None:
    for path in sorted([*folder.glob("*.json"), *folder.glob("onnx/*")]):
        print(f"  {path.relative_to(folder)}: {path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    encode = Embedder().encode
    print(f"STS-B dev, Spearman: {stsb_spearman(encode):.4f}")
    print(f"CISI nDCG@10, one vector per document: {cisi_ndcg(encode):.4f}")
    print(f"CISI nDCG@10, best chunk of 80 words: {cisi_ndcg(encode, chunk_words=80):.4f}")
    print_hashes(MODELS / "starter-embed")
