"""Writes the student as the ONNX graph and tokenizer files transformers.js loads.

The graph is a lookup: int8 row, times the row's scale, times the attention mask, as `last_hidden_state`.
Mean pooling and normalising happen in the caller, so padding cannot change a vector.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from paths import MODELS, WORK
from student import CLS, MAX_TOKENS, Vocabulary, save_tokenizer

EMPTY_TEXT = 1e-3
"""[CLS] points along the mean row, this much shorter: it decides the vector of an empty text and of no other."""


def quantise(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric int8 rows and one float scale per row."""
    scale = np.abs(table).max(1, keepdims=True) / 127
    scale[scale == 0] = 1
    return np.round(table / scale).astype(np.int8), scale.astype(np.float32)


def lookup_nodes(rows: np.ndarray, scale: np.ndarray) -> tuple[list, list]:
    """ONNX nodes and initializers from `input_ids`, `attention_mask` to the masked `rows`."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["row"], axis=0),
        helper.make_node("Gather", ["scale", "input_ids"], ["row_scale"], axis=0),
        helper.make_node("Cast", ["row"], ["row_float"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["attention_mask"], ["mask_float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask_float", "last_axis"], ["mask"]),
        helper.make_node("Mul", ["row_scale", "mask"], ["row_factor"]),
        helper.make_node("Mul", ["row_float", "row_factor"], ["rows"]),
    ]
    initializers = [
        numpy_helper.from_array(rows, "table"),
        numpy_helper.from_array(scale, "scale"),
        numpy_helper.from_array(np.array([-1], dtype=np.int64), "last_axis"),
    ]
    return nodes, initializers


def text_inputs() -> list:
    return [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]


def save_model(graph, path: Path) -> None:
    """Checks and writes a graph for opset 17."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="weir-recipe")
    model.ir_version = 8
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def tokenizer_config(limit: int) -> dict:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": limit,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
    }


def export(table: np.ndarray, vocabulary: Vocabulary, folder: Path) -> None:
    table = table.copy()
    mean = table[vocabulary.used].mean(0)
    table[CLS] = mean / np.linalg.norm(mean) * np.linalg.norm(table, axis=1).mean() * EMPTY_TEXT
    rows, scale = quantise(table)
    nodes, initializers = lookup_nodes(rows, scale)
    nodes[-1].output[0] = "last_hidden_state"
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", table.shape[1]])
    save_model(helper.make_graph(nodes, "starter-embed", text_inputs(), [output], initializers), folder / "onnx/model.onnx")
    save_tokenizer(vocabulary.tokenizer(), folder)
    write_json(folder / "tokenizer_config.json", tokenizer_config(MAX_TOKENS))
    config = {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "hidden_size": table.shape[1],
        "max_position_embeddings": MAX_TOKENS,
        "vocab_size": len(vocabulary.pieces),
    }
    write_json(folder / "config.json", config)


if __name__ == "__main__":
    source = sys.argv[1] if len(sys.argv) > 1 else "trained.npy"
    export(np.load(WORK / source), Vocabulary.load(), MODELS / "starter-embed")
