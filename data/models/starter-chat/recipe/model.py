"""The model: a small Llama (RMSNorm, rotary positions, SwiGLU, tied embeddings), its loss, and its optimizer."""

import torch
import torch.nn.functional as F
from torch import nn

CONFIG = {"vocabulary": 4096, "width": 192, "layers": 6, "heads": 3, "hidden": 448, "theta": 10000.0}

# What the first head of a layer is shown where to look for, in training only, and the weight of that loss.
GUIDES = {"begin": 0.1, "match": 0.2, "aim": 0.3, "copy": 0.3}
GUIDED = {"begin": 1, "match": 2, "aim": 3, "copy": 4}  # layer of each


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary positions on adjacent pairs, as llama.cpp's `llama` architecture has them."""
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class Block(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))
        self.qkv = nn.Parameter(torch.randn(3 * width, width) * width**-0.5)
        self.out = nn.Parameter(torch.zeros(width, width))
        self.gate_up = nn.Parameter(torch.randn(2 * hidden, width) * width**-0.5)
        self.down = nn.Parameter(torch.zeros(width, hidden))

    def forward(self, x, cos, sin, mask):
        rows, length, width = x.shape
        h = F.rms_norm(x, (width,), self.attention_norm.to(x.dtype), 1e-5)
        q, k, v = F.linear(h, self.qkv.to(x.dtype)).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + F.linear(y.transpose(1, 2).reshape(rows, length, width), self.out.to(x.dtype))
        h = F.rms_norm(x, (width,), self.mlp_norm.to(x.dtype), 1e-5)
        gate, up = F.linear(h, self.gate_up.to(x.dtype)).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.down.to(x.dtype)), q[:, 0], k[:, 0]


class Llama(nn.Module):
    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, hidden: int, theta: float):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocabulary, width) * 0.05)
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(layers))
        self.norm = nn.Parameter(torch.ones(width))
        size = width // heads
        angles = torch.outer(torch.arange(2048).float(), theta ** (-torch.arange(0, size, 2).float() / size))
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, batch: dict, dtype=torch.bfloat16):
        """The last hidden states, and the first head's queries and keys in every layer, with the mask."""
        position, group, turn = batch["position"], batch["group"], batch["turn"]
        length = position.shape[1]
        allowed = (group[:, :, None] == group[:, None, :]) & ((turn[:, None, :] == 0) | (turn[:, :, None] == turn[:, None, :]))
        allowed &= torch.ones(length, length, dtype=torch.bool, device=position.device).tril()
        mask = torch.zeros(allowed.shape, dtype=dtype, device=position.device).masked_fill_(~allowed, float("-inf"))[:, None]
        cos, sin = self.cos[position][:, None].to(dtype), self.sin[position][:, None].to(dtype)
        x = F.embedding(batch["ids"], self.embedding).to(dtype)
        first = []
        for block in self.blocks:
            x, q, k = block(x, cos, sin, mask)
            first.append((q, k))
        return F.rms_norm(x, (x.shape[-1],), self.norm.to(dtype), 1e-5), first, mask[:, 0]

    def loss(self, batch: dict) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        hidden, first, mask = self(batch)
        chosen = batch["target"] >= 0
        logits = F.linear(hidden[chosen], self.embedding.to(hidden.dtype)).float()
        weight = batch["weight"][chosen]
        loss = (F.cross_entropy(logits, batch["target"][chosen], reduction="none") * weight).sum() / weight.sum()

        def looks(name: str, where: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            """Log-probabilities of the first head of the guide's layer, from the positions `where` in `rows`."""
            q, k = first[GUIDED[name]]
            scores = torch.bmm(q, k.transpose(1, 2)) * q.shape[-1] ** -0.5 + mask
            return scores[rows, where].float().log_softmax(-1)

        begin, aim, source = batch["begin"], batch["aim"], batch["source"]
        guides = {}
        rows, where = (source >= 0).nonzero(as_tuple=True)
        weight = batch["weight"][rows, where]
        guides["copy"] = (F.nll_loss(looks("copy", where, rows), source[rows, where], reduction="none") * weight).sum() / weight.sum()
        rows, where = ((begin >= 0) & (torch.rand(begin.shape) < 0.2)).nonzero(as_tuple=True)
        guides["begin"] = F.nll_loss(looks("begin", where, rows), begin[rows, where])
        rows, where = (aim >= 0).nonzero(as_tuple=True)
        elsewhere = begin[rows] != aim[rows, where][:, None]
        for name in ("match", "aim"):
            guides[name] = -looks(name, where, rows).masked_fill(elsewhere, float("-inf")).logsumexp(-1).mean()
        return loss, guides

    def predict(self, batch: dict) -> torch.Tensor:
        """The likeliest next token at every answer position, -1 elsewhere."""
        hidden, _, _ = self(batch)
        chosen = batch["target"] >= 0
        best = torch.full_like(batch["target"], -1)
        best[chosen] = F.linear(hidden[chosen], self.embedding.to(hidden.dtype)).argmax(-1)
        return best


def orthogonal(g: torch.Tensor) -> torch.Tensor:
    """Newton-Schulz iteration towards the nearest orthogonal matrix (Jordan et al. 2024)."""
    x = g.bfloat16()
    flip = x.shape[0] > x.shape[1]
    x = x.T if flip else x
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return (x.T if flip else x).float()


class Muon:
    """Muon for the matrices of the blocks, AdamW for embeddings and norms; fused matrices are treated part by part."""

    def __init__(self, model: Llama):
        self.matrices = [(p, 3 if n.endswith("qkv") else 2 if n.endswith("gate_up") else 1) for n, p in model.named_parameters() if "blocks" in n and p.ndim == 2]
        self.momentum = [torch.zeros_like(p) for p, _ in self.matrices]
        others = [p for n, p in model.named_parameters() if not ("blocks" in n and p.ndim == 2)]
        self.adam = torch.optim.AdamW([{"params": others}], lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0, fused=True)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for (p, parts), m in zip(self.matrices, self.momentum):
            m.lerp_(p.grad, 0.05)
            for update, part in zip(p.grad.lerp(m, 0.95).chunk(parts), p.chunk(parts)):
                part.mul_(1 - rate * 0.01).add_(orthogonal(update), alpha=-rate * max(1.0, part.shape[0] / part.shape[1]) ** 0.5)
            p.grad = None
        for group in self.adam.param_groups:
            group["lr"] = rate * 0.15
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def state_dict(self) -> dict:
        return {"momentum": self.momentum, "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        for m, saved in zip(self.momentum, state["momentum"]):
            m.copy_(saved)
        self.adam.load_state_dict(state["adam"])
