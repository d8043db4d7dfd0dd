"""Writes a checkpoint as GGUF (Q8_0 matrices, F32 norms) that llama.cpp loads as a Llama with a `smollm` BPE tokenizer.

    python export.py --work FOLDER --out starter-chat-q8_0.gguf
"""

import argparse
import hashlib
import json
import pathlib

import gguf
import numpy as np
import torch

CONTEXT = 1024
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def adjacent(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a query or key matrix from the rotary pairs (i, i + half) of model.py to llama.cpp's adjacent ones."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    saved = torch.load(arguments.work / "checkpoint.pt", weights_only=False, map_location="cpu")
    config, weights = saved["config"], {k: v.float().numpy() for k, v in saved["model"].items() if k != "meant"}
    tokenizer = json.loads((arguments.work / "tokenizer.json").read_text())

    writer = gguf.GGUFWriter(arguments.out, "llama")
    writer.add_name("Weir starter-chat")
    writer.add_description("A very small model that answers from numbered passages, trained from scratch")
    writer.add_license("apache-2.0")
    writer.add_languages(["en"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(config["width"])
    writer.add_block_count(config["layers"])
    writer.add_feed_forward_length(config["hidden"])
    writer.add_head_count(config["heads"])
    writer.add_head_count_kv(config["heads"])
    writer.add_rope_dimension_count(config["width"] // config["heads"])
    writer.add_rope_freq_base(config["theta"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(config["vocabulary"])

    tokens = [token for token, _ in sorted(tokenizer["model"]["vocab"].items(), key=lambda pair: pair[1])]
    special = {entry["id"] for entry in tokenizer["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if i in special else gguf.TokenType.NORMAL for i in range(len(tokens))])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_eot_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(TEMPLATE)

    def matrix(name: str, value: np.ndarray) -> None:
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quantize(np.ascontiguousarray(value), kind), raw_dtype=kind)

    matrix("token_embd.weight", weights["embedding"])
    writer.add_tensor("output_norm.weight", weights["norm"])
    for n in range(config["layers"]):
        q, k, v = np.split(weights[f"blocks.{n}.qkv"], 3)
        q, k = adjacent(q, config["heads"]), adjacent(k, config["heads"])
        gate, up = np.split(weights[f"blocks.{n}.gate_up"], 2)
        parts = {"attn_q": q, "attn_k": k, "attn_v": v, "attn_output": weights[f"blocks.{n}.out"], "ffn_gate": gate, "ffn_up": up, "ffn_down": weights[f"blocks.{n}.down"]}
        for part, value in parts.items():
            matrix(f"blk.{n}.{part}.weight", value)
        writer.add_tensor(f"blk.{n}.attn_norm.weight", weights[f"blocks.{n}.attention_norm"])
        writer.add_tensor(f"blk.{n}.ffn_norm.weight", weights[f"blocks.{n}.mlp_norm"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    content = pathlib.Path(arguments.out).read_bytes()
    print(json.dumps({"file": arguments.out, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "step": saved["step"]}))


if __name__ == "__main__":
    main()
