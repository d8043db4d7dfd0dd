"""The model: a small Llama (RMSNorm, rotary positions, SwiGLU, tied embeddings), its loss, and its optimizer."""

import torch
import torch.nn.functional as F
from torch import nn

CONFIG = {"vocabulary": 12288, "width": 256, "layers": 6, "heads": 4, "hidden": 640, "theta": 1e6}
PART = 256  # queries at a time
PADDED = 64  # the queries of a guide are padded to a multiple of so many
MEANING = 128  # the first dimensions of the embedding start as those of starter-embed, so that like words look alike

# Heads that are shown where to look, in training only: (layer, head, weight of the loss). From a word to the start of its sentence
# and to the number of its passage; from the place where the answer starts to the question's telling words; from those, and from that
# place and the first words of the answer, to the sentence that answers, and from that place to its start; from each place in the answer
# to what it copies. Where nothing answers, to the very first token.
GUIDES = {"begin": (1, 0, 0.3), "number": (1, 1, 0.2), "gather": (1, 2, 0.1), "match": (2, 0, 0.2), "aim": (4, 0, 0.3), "start": (5, 1, 0.6), "copy": (5, 0, 0.2)}

# What a small teacher of meanings shows (meanings.py): after layer MEANT the tokens of a sentence, and those of a question, have the teacher's
# vector of it as their mean, and so has the place where an answer starts; and the head that aims prefers sentences as that likeness does.
MEANT, MEANT_WIDTH, LIKENESS = 3, 384, 0.05  # a layer, dimensions, the temperature of the teacher's preference
SHOWN = {"meant": 4.0, "liked": 0.5}


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary positions on the pairs (i, i + half): export.py reorders them to llama.cpp's adjacent pairs."""
    return x * cos + x.roll(x.shape[-1] // 2, -1) * sin


class Block(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))
        self.qkv = nn.Parameter(torch.randn(3 * width, width) * width**-0.5)
        self.out = nn.Parameter(torch.zeros(width, width))
        self.gate_up = nn.Parameter(torch.randn(2 * hidden, width) * width**-0.5)
        self.down = nn.Parameter(torch.zeros(width, hidden))

    @torch.no_grad()
    def match_same(self, head: int, size: int) -> None:
        """Starts a head as one that looks at whatever resembles its own place, at any distance: its slow rotary pairs only."""
        width = self.qkv.shape[1]
        q, k = self.qkv[head * size : (head + 1) * size], self.qkv[width + head * size : width + (head + 1) * size]
        q.zero_(), k.zero_()
        slow = [i for i in range(size) if i % (size // 2) >= size // 4]
        seen = torch.zeros(size // 2, width)
        seen[:, :MEANING] = torch.nn.init.orthogonal_(torch.empty(size // 2, MEANING))
        q[slow] = 1.4 * seen
        k.copy_(q)

    def forward(self, x, cos, sin, mask):
        rows, length, width = x.shape
        h = F.rms_norm(x, (width,), self.attention_norm.to(x.dtype), 1e-5)
        q, k, v = F.linear(h, self.qkv.to(x.dtype)).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        # In plain products, part by part up to the diagonal: on a CPU with bf16 matrix units faster than the fused attention.
        parts = []
        for start in range(0, length, PART):
            end = start + PART
            scores = q[:, :, start:end] @ k[:, :, :end].transpose(2, 3) * q.shape[-1] ** -0.5 + mask[:, :, start:end, :end]
            parts.append(scores.softmax(-1) @ v[:, :, :end])
        y = torch.cat(parts, 2)
        x = x + F.linear(y.transpose(1, 2).reshape(rows, length, width), self.out.to(x.dtype))
        h = F.rms_norm(x, (width,), self.mlp_norm.to(x.dtype), 1e-5)
        gate, up = F.linear(h, self.gate_up.to(x.dtype)).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.down.to(x.dtype)), q, k


class Llama(nn.Module):
    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, hidden: int, theta: float):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocabulary, width) * 0.05)
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(layers))
        self.norm = nn.Parameter(torch.ones(width))
        self.meant = nn.Parameter(torch.randn(MEANT_WIDTH, width) * width**-0.5)  # in training only
        for name in ("match", "aim"):
            layer, head, _ = GUIDES[name]
            self.blocks[layer].match_same(head, width // heads)
        size = width // heads
        angles = torch.outer(torch.arange(2048).float(), theta ** (-torch.arange(0, size, 2).float() / size))
        self.register_buffer("cos", angles.cos().repeat(1, 2), persistent=False)
        self.register_buffer("sin", torch.cat((-angles.sin(), angles.sin()), 1), persistent=False)

    def forward(self, batch: dict, dtype=torch.bfloat16):
        """The last hidden states, the queries and keys of every layer, the mask, and the hidden states after layer MEANT."""
        x, cos, sin, mask = self.entered(batch, dtype)
        x, looked, middle = self.through(x, cos, sin, mask)
        return x, looked, mask[:, 0], middle

    def entered(self, batch: dict, dtype=torch.bfloat16):
        position, group, turn = batch["position"], batch["group"], batch["turn"]
        length = position.shape[1]
        allowed = (group[:, :, None] == group[:, None, :]) & ((turn[:, None, :] == 0) | (turn[:, :, None] == turn[:, None, :]))
        allowed &= torch.ones(length, length, dtype=torch.bool, device=position.device).tril()
        mask = torch.zeros(allowed.shape, dtype=dtype, device=position.device).masked_fill_(~allowed, float("-inf"))[:, None]
        cos, sin = self.cos[position][:, None].to(dtype), self.sin[position][:, None].to(dtype)
        x = F.embedding(batch["ids"], self.embedding).to(dtype)
        return x, cos, sin, mask

    def through(self, x, cos, sin, mask):
        looked, middle = [], x
        for n, block in enumerate(self.blocks):
            x, q, k = block(x, cos, sin, mask)
            looked.append((q, k))
            middle = x if n == MEANT else middle
        return F.rms_norm(x, (x.shape[-1],), self.norm.to(x.dtype), 1e-5), looked, middle

    @staticmethod
    def surprise(hidden, embedding, target, weight):
        logits = F.linear(hidden, embedding.to(hidden.dtype)).float()
        return (F.cross_entropy(logits, target, reduction="none") * weight).sum() / weight.sum()

    def loss(self, batch: dict, guided: tuple[str, ...] = tuple(GUIDES)) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        hidden, looked, mask, middle = self(batch)
        chosen = batch["target"] >= 0
        loss = self.surprise(hidden[chosen], self.embedding, batch["target"][chosen], batch["weight"][chosen])
        guides = self.guides(batch, looked, mask, {"copy", "start", *guided})
        if "said" in batch:
            guides["meant"] = self.meaning(batch, middle)
            guides["liked"] = self.liked(batch, self.looks("aim", looked, mask, *batch["asked"][:, [0, 2]].T))
        return loss, guides

    @staticmethod
    def looks(name: str, looked, mask: torch.Tensor, rows: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of where the guide's head looks from the positions `where` in `rows`, which ascend."""
        layer, head, _ = GUIDES[name]
        q, k = (x[:, head] for x in looked[layer])
        counts = rows.bincount(minlength=len(q))
        slot = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
        # Padded: each new shape of a product costs a CPU more than the product.
        places = rows.new_zeros(len(q), max(1, -(-int(counts.max()) // PADDED)) * PADDED)
        places[rows, slot] = where
        scores = torch.bmm(q.gather(1, places[..., None].expand(-1, -1, q.shape[-1])), k.transpose(1, 2)) * q.shape[-1] ** -0.5
        return (scores[rows, slot] + mask[rows, where]).float().log_softmax(-1)

    def guides(self, batch: dict, looked, mask: torch.Tensor, names: set[str]) -> dict[str, torch.Tensor]:
        """How far the heads that are shown where to look do not look there, by name."""
        begin, source, guides = batch["begin"], batch["source"], {}
        copied = (source >= 0).nonzero(as_tuple=True)
        opened = ((source >= 0) & batch["opens"]).nonzero(as_tuple=True)
        some = ((begin >= 0) & (torch.rand(begin.shape, device=begin.device) < 0.2)).nonzero(as_tuple=True)
        for name in sorted(names):
            if name in ("match", "aim", "gather"):
                guides[name] = self.looked_for(batch, name, looked, mask)
                continue
            at, wanted = {"copy": (copied, source), "start": (opened, source), "begin": (some, begin), "number": (some, batch["number"])}[name]
            missed = F.nll_loss(self.looks(name, looked, mask, *at), wanted[at], reduction="none")
            weight = batch["weight"][at] if name == "copy" else torch.ones_like(missed)
            guides[name] = (missed * weight).sum() / weight.sum()
        return guides

    def meaning(self, batch: dict, middle: torch.Tensor) -> torch.Tensor:
        """How far what the model holds of the sentences and questions is from the teacher."""
        said, asked = batch["said"], batch["asked"]  # row, group, begin, last; row, group, where the answer starts, where the question does
        wanted = batch["asked_vectors"].float()
        parts = ((said[:, 0], said[:, 2], said[:, 3]), (asked[:, 0], asked[:, 3], asked[:, 2]), (asked[:, 0], asked[:, 2], asked[:, 2]))
        return self.missed(middle, parts, torch.cat((batch["said_vectors"].float(), wanted, wanted)))

    def liked(self, batch: dict, seen: torch.Tensor) -> torch.Tensor:
        """How far what the aim sees (log-probabilities) from where answers start is from the likeness of question and sentence."""
        said, asked, vectors, wanted = batch["said"], batch["asked"], batch["said_vectors"].float(), batch["asked_vectors"].float()
        here = (asked[:, 0, None] == said[None, :, 0]) & (asked[:, 1, None] == said[None, :, 1])
        begin = batch["begin"][asked[:, 0]]
        by_sentence = torch.zeros_like(seen).scatter_add(1, begin.clamp_min(0), seen.exp().masked_fill(begin < 0, 0.0))[:, said[:, 2]]
        by_sentence = by_sentence.masked_fill(~here, 0.0) + 1e-7
        like = (wanted @ vectors.T / LIKENESS).masked_fill(~here, -1e4).softmax(-1)
        liked = (like * (like.clamp_min(1e-7).log() - (by_sentence / by_sentence.sum(-1, keepdim=True)).log())).sum(-1)
        return liked.masked_fill(~here.any(-1), 0.0).sum() / here.any(-1).sum().clamp_min(1)

    def missed(self, middle: torch.Tensor, parts, vectors: torch.Tensor) -> torch.Tensor:
        """One less the cosine of what the hidden states of each part `(rows, begins, lasts)` mean and what it should."""
        held = F.linear(means(middle, parts).to(middle.dtype), self.meant.to(middle.dtype)).float()
        return 1 - F.cosine_similarity(held, vectors).mean()

    def looked_for(self, batch: dict, name: str, looked, mask: torch.Tensor) -> torch.Tensor:
        """How much of a head's attention misses the sentence, or the question's words, that it should find."""
        sought = batch["match" if name == "match" else "aim"]
        rows, where = (sought >= 0).nonzero(as_tuple=True)
        if name == "gather":
            elsewhere = (batch["match"][rows] < 0) | (batch["turn"][rows] != batch["turn"][rows, where][:, None])
            some = (~elsewhere & (batch["group"][rows] == batch["group"][rows, where][:, None])).any(-1)
            rows, where, elsewhere = rows[some], where[some], elsewhere[some]
        else:
            elsewhere = batch["begin"][rows] != sought[rows, where][:, None]
            elsewhere &= torch.arange(elsewhere.shape[1], device=elsewhere.device) != sought[rows, where][:, None]
        return -self.looks(name, looked, mask, rows, where).masked_fill(elsewhere, float("-inf")).logsumexp(-1).mean()

    def predict(self, batch: dict) -> torch.Tensor:
        """The likeliest next token at every answer position, -1 elsewhere."""
        hidden, *_ = self(batch)
        chosen = batch["target"] >= 0
        best = torch.full_like(batch["target"], -1)
        best[chosen] = F.linear(hidden[chosen], self.embedding.to(hidden.dtype)).argmax(-1)
        return best


def means(middle: torch.Tensor, parts) -> torch.Tensor:
    """The normed hidden states of each part `(rows, begins, lasts)`, averaged over its tokens."""
    sums = F.pad(F.rms_norm(middle, (middle.shape[-1],)).float().cumsum(1), (0, 0, 1, 0))
    return torch.cat([(sums[rows, last + 1] - sums[rows, begin]) / (last + 1 - begin)[:, None] for rows, begin, last in parts])


@torch.no_grad()
def start_from_meaning(model: Llama, tokens: list[str], folder: str) -> None:
    """Sets the first MEANING dimensions of each token's embedding from starter-embed's table, reduced by PCA."""
    import onnx
    from onnx import numpy_helper
    from tokenizers import Tokenizer

    table, scale = (numpy_helper.to_array(t).astype("float32") for t in onnx.load(f"{folder}/onnx/model.onnx").graph.initializer[:2])
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding(), tokenizer.no_truncation()
    rows = torch.from_numpy(table * scale)
    found = torch.zeros(len(tokens), rows.shape[1])
    for i, token in enumerate(tokens):
        ids = tokenizer.encode(token.strip(), add_special_tokens=False).ids
        if any(c.isalnum() for c in token) and ids:
            found[i] = rows[ids].mean(0)
    centred = found - found[found.any(1)].mean(0)
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    reduced = centred @ axes[:MEANING].T
    reduced = reduced / reduced.norm(dim=1, keepdim=True).clamp_min(1e-6) * (0.05 * MEANING**0.5)
    told = found.any(1)
    model.embedding[told, :MEANING] = reduced[told]


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

    def __init__(self, model: Llama, lower: float = 1.0):
        """`lower` is the share of the rate that the embedding and the layers up to MEANT take, so as not to forget what they mean."""
        named = [(n, p) for n, p in model.named_parameters() if "blocks" in n and p.ndim == 2]
        self.matrices = [(p, 3 if n.endswith("qkv") else 2 if n.endswith("gate_up") else 1, lower if int(n.split(".")[1]) <= MEANT else 1.0) for n, p in named]
        self.momentum = [torch.zeros_like(p) for p, *_ in self.matrices]
        self.lower = lower
        others = [p for n, p in model.named_parameters() if not ("blocks" in n and p.ndim == 2)]
        self.adam = torch.optim.AdamW([{"params": others}], lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0, fused=True)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for (p, parts, share), m in zip(self.matrices, self.momentum):
            if p.grad is None:
                continue
            own = rate * share
            m.lerp_(p.grad, 0.05)
            for update, part in zip(p.grad.lerp(m, 0.95).chunk(parts), p.chunk(parts)):
                part.mul_(1 - own * 0.01).add_(orthogonal(update), alpha=-own * max(1.0, part.shape[0] / part.shape[1]) ** 0.5)
            p.grad = None
        for group in self.adam.param_groups:
            group["lr"] = rate * 0.15 * self.lower
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def state_dict(self) -> dict:
        return {"momentum": self.momentum, "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        for m, saved in zip(self.momentum, state["momentum"]):
            m.copy_(saved)
        self.adam.load_state_dict(state["adam"])
