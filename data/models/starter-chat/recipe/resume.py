"""Turns a GGUF that export.py wrote back into a checkpoint and a tokenizer, so that training can go on from the published weights.

    python resume.py ../starter-chat-q8_0.gguf --work FOLDER --million-tokens 30

The optimizer starts anew; the weights are those of Q8_0. `--million-tokens` says how far the curriculum of train.py is.
"""

import argparse
import json
import pathlib

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer, models

from model import CONFIG, Llama, Muon
from tokens import SPECIAL, byte_level


def split(weight: np.ndarray, heads: int) -> np.ndarray:
    """Undoes `export.adjacent`."""
    return weight.reshape(heads, -1, 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def tokenizer_of(reader: gguf.GGUFReader) -> Tokenizer:
    tokens, merges = (reader.fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges"))
    tokenizer = byte_level(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=[tuple(merge.split(" ")) for merge in merges]))
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def shifted(name: str, place: int) -> str:
    """The name of a layer's tensor once a layer is inserted at `place`."""
    block, n, part = name.split(".") if name.startswith("blocks.") else ("", "0", "")
    return f"blocks.{int(n) + 1}.{part}" if block and int(n) >= place else name


def look_back(qkv: torch.Tensor, config: dict, source: int, target: int, tokens: int) -> None:
    """Makes a head look where another one of its layer looks by position, `tokens` earlier: the turn of its queries by that many positions."""
    width, size = config["width"], config["width"] // config["heads"]
    q, k = (qkv[at : at + size] for at in (source * size, width + source * size))
    angles = tokens * config["theta"] ** (-torch.arange(0, size, 2) / size)[:, None]
    first, second = q.chunk(2)
    qkv[target * size : (target + 1) * size] = torch.cat((first * angles.cos() + second * angles.sin(), second * angles.cos() - first * angles.sin()))
    qkv[width + target * size : width + (target + 1) * size] = k.clone()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("gguf")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--million-tokens", type=float, required=True)
    parser.add_argument("--insert", type=int, help="add a layer at this place, which changes nothing before it is trained")
    parser.add_argument("--look-back", type=int, nargs=3, metavar=("FROM", "TO", "TOKENS"), help="in the first layer, turn head TO into one that looks TOKENS further back than FROM")
    parser.add_argument("--batch-tokens", type=int, default=12288, help="of all processes together")
    arguments = parser.parse_args()
    reader = gguf.GGUFReader(arguments.gguf)
    tensors = {t.name: torch.from_numpy(np.array(gguf.dequantize(t.data, t.tensor_type))) for t in reader.tensors}

    def told(name: str):
        return reader.fields[f"llama.{name}"].contents()

    config = CONFIG | {"vocabulary": tensors["token_embd.weight"].shape[0], "width": told("embedding_length"), "layers": told("block_count"),
                       "heads": told("attention.head_count"), "hidden": told("feed_forward_length"), "theta": told("rope.freq_base")}  # fmt: skip
    state = {"embedding": tensors["token_embd.weight"], "norm": tensors["output_norm.weight"]}
    for n in range(config["layers"]):
        part = {name: tensors[f"blk.{n}.{name}.weight"] for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down", "attn_norm", "ffn_norm")}
        q, k = (torch.from_numpy(split(part[name].numpy(), config["heads"])) for name in ("attn_q", "attn_k"))
        state |= {f"blocks.{n}.qkv": torch.cat((q, k, part["attn_v"])), f"blocks.{n}.out": part["attn_output"], f"blocks.{n}.down": part["ffn_down"],
                  f"blocks.{n}.gate_up": torch.cat((part["ffn_gate"], part["ffn_up"])), f"blocks.{n}.attention_norm": part["attn_norm"], f"blocks.{n}.mlp_norm": part["ffn_norm"]}  # fmt: skip
    if arguments.insert is not None:
        config["layers"] += 1
        state = {shifted(name, arguments.insert): value for name, value in state.items()}
    if arguments.look_back:
        look_back(state["blocks.0.qkv"], config, *arguments.look_back)
    model = Llama(**config)
    model.load_state_dict(model.state_dict() | state)  # `meant` and an inserted layer start anew; what such a layer adds is nothing at first
    arguments.work.mkdir(parents=True, exist_ok=True)
    tokenizer_of(reader).save(str(arguments.work / "tokenizer.json"))
    step = int(arguments.million_tokens * 1e6 / arguments.batch_tokens)
    torch.save({"model": model.state_dict(), "optimizer": Muon(model).state_dict(), "step": step, "seconds": 0.0, "config": config}, arguments.work / "checkpoint.pt")
    print(json.dumps({"step": step, **config}))


if __name__ == "__main__":
    main()
