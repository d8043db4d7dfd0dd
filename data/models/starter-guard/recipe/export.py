"""Writes the guard as the ONNX graph and tokenizer files transformers.js loads; the temperature is folded into the logits."""

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper

from model import MAX_TOKENS, SHARPEN, UPPER_DILATION, UPPER_WIDTH, WIDTHS, Guard, sides
from shared import MODELS, WORK, Vocabulary, lookup_nodes, quantise, save_model, save_tokenizer, text_inputs, tokenizer_config, write_json


class Graph:
    """ONNX nodes in order, with their constants."""

    def __init__(self, nodes: list, initializers: list):
        self.nodes, self.initializers = nodes, initializers

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def linear(self, layer: torch.nn.Linear, x: str, name: str, scale: float = 1.0) -> str:
        weight = self.constant(f"{name}.weight", layer.weight.detach().numpy().T * np.float32(scale))
        bias = self.constant(f"{name}.bias", layer.bias.detach().numpy() * np.float32(scale))
        return self.add("Gemm", [x, weight, bias], name)

    def convolution(self, layer: torch.nn.Conv1d, x: str, name: str, width: int, dilation: int = 1) -> str:
        """Convolution, rectified and masked, at unchanged length."""
        weight = self.constant(f"{name}.weight", layer.weight.detach().numpy())
        bias = self.constant(f"{name}.bias", layer.bias.detach().numpy())
        raw = self.add("Conv", [x, weight, bias], f"{name}.raw", pads=list(sides(width, dilation)), dilations=[dilation])
        rectified = self.add("Relu", [raw], f"{name}.positive")
        return self.add("Mul", [rectified, "keep"], name)


def graph_of(model: Guard, temperature: float):
    rows, scale = quantise(model.table.numpy())
    graph = Graph(*lookup_nodes(rows, scale))
    add, constant = graph.add, graph.constant
    last = constant("tokens_axis", np.array([2], dtype=np.int64))
    add("Transpose", ["rows"], "x", perm=[0, 2, 1])
    add("Transpose", ["mask"], "keep", perm=[0, 2, 1])
    add("ReduceSum", ["x", last], "sum", keepdims=0)
    add("ReduceL2", ["sum"], "length", axes=[1], keepdims=1)
    add("Max", ["length", constant("tiny", np.array(1e-6, dtype=np.float32))], "safe_length")
    add("Div", ["sum", "safe_length"], "direction")
    add("Mul", ["direction", constant("sharpen", np.array(SHARPEN, dtype=np.float32))], "about")
    add("Relu", [graph.linear(model.topic[0], "about", "topic.inner")], "topic.positive")
    graph.linear(model.topic[3], "topic.positive", "topic.logits", 1 / temperature)
    lower = [graph.convolution(conv, "x", f"lower{width}", width) for conv, width in zip(model.lower, WIDTHS)]
    add("Concat", lower, "lower", axis=1)
    graph.convolution(model.upper, "lower", "upper", UPPER_WIDTH, UPPER_DILATION)
    add("Concat", ["lower", "upper"], "features", axis=1)
    add("ReduceMax", ["features"], "strongest", axes=[2], keepdims=0)
    add("ReduceSum", ["features", last], "features.sum", keepdims=0)
    add("ReduceSum", ["keep", last], "count", keepdims=0)
    add("Max", ["count", constant("one", np.array(1, dtype=np.float32))], "safe_count")
    add("Div", ["features.sum", "safe_count"], "average")
    add("Concat", ["strongest", "average"], "pooled", axis=1)
    add("Relu", [graph.linear(model.phrase[1], "pooled", "phrase.inner")], "phrase.positive")
    graph.linear(model.phrase[4], "phrase.positive", "phrase.logits", 1 / temperature)
    add("Add", ["topic.logits", "phrase.logits"], "logits")
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])
    return helper.make_graph(graph.nodes, "starter-guard", text_inputs(), [output], graph.initializers)


def main() -> None:
    saved = torch.load(WORK / "guard-final.pt")
    model = Guard(saved["model"]["table"].numpy())
    model.load_state_dict(saved["model"])
    model.eval()
    folder = MODELS / "starter-guard"
    vocabulary = Vocabulary.load()
    save_model(graph_of(model, saved["temperature"]), folder / "onnx/model.onnx")
    save_tokenizer(vocabulary.tokenizer(), folder)
    write_json(folder / "tokenizer_config.json", tokenizer_config(MAX_TOKENS))
    config = {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"],
        "hidden_size": model.table.shape[1],
        "max_position_embeddings": MAX_TOKENS,
        "vocab_size": len(vocabulary.pieces),
        "num_labels": 2,
        "id2label": {"0": "benign", "1": "injection"},
        "label2id": {"benign": 0, "injection": 1},
    }
    write_json(folder / "config.json", config)


if __name__ == "__main__":
    main()
