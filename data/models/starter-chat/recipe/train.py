"""Trains the tokenizer and the model; checkpoints often and resumes from the last checkpoint.

    python train.py --prose PROSE.jsonl --work FOLDER [--meaning ../../starter-embed] [--banking train.csv] [--people xquad.en.json] [--synonyms synonyms.json]
                    [--glosses GLOSSES.jsonl] [--meanings FOLDER] [--million-tokens 60] [--threads 1]
                    [--device cuda --workers 15 --batch-tokens 32768 --minutes 9 --width 320 --layers 7 --heads 5 --hidden 864]

On a CPU of two cores: `OMP_NUM_THREADS=1 torchrun --nproc_per_node 2 train.py … --compile`, a process a core.

A worker makes 80,000 tokens a second; where a GPU is faster than its `--workers`, each batch may be used `--reuse` times. `--minutes` ends the
training by time, with the learning rate decayed until then; run the same command again, with more minutes, to go on.

Rows are packed with episodes: a prefix and turns that each see the prefix and themselves, as if they stood alone. The loss is
on the answers. Some attention heads are also shown where to look, and with `--meanings` the middle layers what a sentence means (model.py); the
exported model is a plain Llama.
"""

import argparse
import json
import os
import pathlib
import random
import signal
import time

import torch
import torch.distributed as dist
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from generate import REFUSAL, Generator
from meanings import Meanings
from model import CONFIG, GUIDES, SHOWN, Llama, Muon, start_from_meaning
from tokens import SPECIAL, byte_level

AIMED = 4  # tokens of an answer keep in view the sentence they are copied from
SHORTENED = 0.4  # of the long answers are cut after a few tokens: copying is learned long before finding the sentence is
EARLY, LATER = 8e6, ("begin", "number", "match", "aim")  # `gather` has been learned after so many tokens; copy and start are always guided
RANK, RANKS = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))  # of torchrun


def train_tokenizer(generator: Generator, path: pathlib.Path, vocabulary: int) -> None:
    tokenizer = byte_level(models.BPE())

    def texts():
        r = random.Random(1)
        for document in generator.documents[::2]:
            for section in document["sections"]:
                yield section["heading"]
                yield from (" ".join(p) for p in section["paragraphs"][::4])
        for group in [*generator.articles[False], *generator.written[False]]:
            for paragraph in group:
                yield from [" ".join(paragraph.sentences)] * 2
        for _ in range(4000):
            episode = generator.episode(r, 900, 0.7, 4)
            yield from (prompt.replace("<|im_end|>", "").replace("<|im_start|>", "") for prompt, _ in episode.turns)
            yield from (text for _, answer in episode.turns for text, _ in answer)

    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.save(str(path))


class Row:
    """One packed row of `length` tokens."""

    def __init__(self, length: int):
        self.length = length
        self.ids, self.position, self.group, self.turn = [], [], [], []
        self.target, self.weight, self.source = [], [], []  # at i: the token to predict next, its weight, where to copy it from
        self.number = []  # the number of the passage a token is in
        self.begin = []  # the first token of the sentence a token is in
        self.match, self.aim = [], []  # that of the answering sentence: at question words it holds, and where the answer starts
        self.opens = []  # where an answer starts
        self.said, self.asked = [], []  # sentences: group, first and last token, words; questions: group, where the answer and the question start, words
        self.kind = []  # at the first answer position: (row position, answer length, answerable)

    def add(self, ids, position, group, turn):
        self.ids += ids
        self.position += range(position, position + len(ids))
        self.group += [group] * len(ids)
        self.turn += [turn] * len(ids)
        self.target += [-1] * len(ids)
        self.weight += [0.0] * len(ids)
        self.source += [-1] * len(ids)
        self.begin += [-1] * len(ids)
        self.number += [-1] * len(ids)
        self.match += [-1] * len(ids)
        self.aim += [-1] * len(ids)
        self.opens += [False] * len(ids)

    def pad(self):
        missing = self.length - len(self.ids)
        if missing:
            self.add([0] * missing, 0, -1, -1)
            self.position[-missing:] = [0] * missing


def pack_episode(row: Row, episode, tokenizer: Tokenizer, group: int, r: random.Random | None = None) -> bool:
    """Adds the prefix and the turns that fit; False when not even one does."""
    prefix = tokenizer.encode(episode.prefix, add_special_tokens=False)
    room, started = row.length - len(row.ids) - len(prefix.ids), False
    base = len(row.ids)
    for turn, (prompt, answer) in enumerate(episode.turns, 1):
        asked = tokenizer.encode(prompt, add_special_tokens=False)
        text = "".join(piece for piece, _ in answer)
        said = tokenizer.encode(text, add_special_tokens=False)
        ids = said.ids + [2]
        if r and len(ids) > 12 and r.random() < SHORTENED:
            ids = ids[: r.randint(3, 8)]
        if len(asked.ids) + len(ids) > room:
            continue
        if not started:
            row.add(prefix.ids, 0, group, 0)
            started = True
            for begin, end, marker, words in episode.sentences:
                inside = [i for i, (a, b) in enumerate(prefix.offsets) if b > begin and a < end]
                row.begin[base + inside[0] : base + inside[-1] + 1] = [base + inside[0]] * len(inside)
                row.said.append((group, base + inside[0], base + inside[-1], words))
                at = base + next(i for i, (a, b) in enumerate(prefix.offsets) if a <= marker < b)
                row.number[base + inside[0] : base + inside[-1] + 1] = [at] * len(inside)
        room -= len(asked.ids) + len(ids)
        start = len(row.ids)
        row.add(asked.ids + ids, len(prefix.ids), group, turn)
        first = start + len(asked.ids) - 1
        row.opens[first] = True
        if episode.questions:
            row.asked.append((group, first, start, episode.questions[turn - 1]))
            if text == REFUSAL:
                row.aim[first - 2 : first + 1] = [base] * 3
        where = {}  # character of the answer -> character of prefix + prompt
        cursor = 0
        for piece, source in answer:
            if source is not None:
                where.update((cursor + k, source + k) for k in range(len(piece)))
            cursor += len(piece)
        for k, token in enumerate(ids):
            at = first + k
            row.target[at] = token
            row.weight[at] = 4.0 if k == 0 else 2.0 if k == 1 else 1.0
            if k < len(said.ids):
                begin, end = said.offsets[k]
                piece = text[begin:end]
                if begin > 1 and piece.isdigit() and text[begin - 2 : begin] == " [" and end >= len(text) - 1:
                    row.weight[at] = 4.0
                if k == 0 and where.get(0) is not None and where[0] < len(episode.prefix):
                    found = base + next(i for i, (a, b) in enumerate(prefix.offsets) if a <= where[0] < b)
                    if row.begin[found] == found:
                        words = {w for w in row.ids[found : found + 120] if len(tokenizer.id_to_token(w)) > 4}
                        words = {w for i, w in enumerate(prefix.ids, base) if w in words and row.begin[i] == found}
                        for i in range(start + 2, first - 2):
                            row.match[i] = found if row.ids[i] in words else -1
                        last = min(first + AIMED, len(row.ids) - 1)
                        row.aim[first - 2 : last] = [found] * (last - first + 2)
                if piece.startswith(" ") and len(piece) > 1:
                    begin += 1
                spot = where.get(begin)
                if spot is not None:
                    if spot < len(episode.prefix):
                        row.source[at] = base + next(i for i, (a, b) in enumerate(prefix.offsets) if a <= spot < b)
                    else:
                        spot -= len(episode.prefix)
                        row.source[at] = start + next(i for i, (a, b) in enumerate(asked.offsets) if a <= spot < b)
        row.kind.append((first, len(ids), "refusal" if text == REFUSAL else "answer" if episode.prefix.rstrip("\n").find("\n[1] ") > 0 or "[1] " in episode.prefix[:40] else "talk"))
    return started


def make_row(generator: Generator, tokenizer: Tokenizer, r: random.Random, length: int, level: float, development: bool = False) -> Row:
    row, group, failures = Row(length), 0, 0
    while len(row.ids) < length - 60 and failures < 4:
        room = length - len(row.ids)
        if level < 0.15:
            characters, turns = r.randint(60, 300), 4
        else:
            characters = int(room * r.uniform(0.5, 3.2 if length >= 768 else 2.4))
            turns = max(2, int((room - characters / 3.8) / 27))
        episode = generator.episode(r, characters, level, min(turns, 16), development)
        failures += not pack_episode(row, episode, tokenizer, group, None if development else r)
        group += 1
    row.pad()
    return row


def stage(tokens: int, r: random.Random) -> tuple[int, float]:
    """Row length and difficulty after `tokens` training tokens: short contexts first, then longer ones."""
    million = tokens / 1e6
    if million < 1.5:
        return 256, 0.1
    if million < 4:
        return r.choice([256, 256, 512]), r.choice([0.1, 0.3, 0.6])
    return r.choice([256, 512, 768, 768, 1024, 1024]), r.choice([0.3, 0.8, 1.0, 1.0])


def collate(rows: list[Row], meanings: Meanings | None = None) -> dict:
    def stack(name, dtype=torch.long):
        return torch.tensor([getattr(row, name) for row in rows], dtype=dtype)

    batch = {name: stack(name) for name in ("ids", "position", "group", "turn", "target", "source", "begin", "match", "aim", "number")}
    batch |= {"weight": stack("weight", torch.float), "opens": stack("opens", torch.bool), "kind": [row.kind for row in rows]}
    if meanings:
        for name in ("said", "asked"):
            every = [(b, *one) for b, row in enumerate(rows) for one in getattr(row, name)]
            batch[name] = torch.tensor([one[:-1] for one in every], dtype=torch.long).view(len(every), 4)
            batch[f"{name}_vectors"] = torch.from_numpy(meanings.of([one[-1] for one in every]))
    return batch


class Stream(IterableDataset):
    """Batches of one row length each; the workers take turns by step."""

    def __init__(self, generator, tokenizer, seed: int, start: int, batch_tokens: int, ahead: float, meanings: Meanings | None):
        self.generator, self.tokenizer, self.seed, self.start, self.batch_tokens, self.ahead = generator, tokenizer, seed, start, batch_tokens, ahead
        self.meanings = meanings

    def __iter__(self):
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        number, workers = number * RANKS + RANK, workers * RANKS
        step = self.start * RANKS + number
        torch.set_num_threads(1)
        while True:
            r = random.Random(self.seed * 1_000_003 + step // RANKS)  # processes that wait for each other get rows of one length
            length, level = stage(step * self.batch_tokens * self.ahead, r)
            r = random.Random(self.seed * 1_000_003 + step)
            yield collate([make_row(self.generator, self.tokenizer, r, length, level) for _ in range(self.batch_tokens // length)], self.meanings)
            step += workers


class Reused:
    """Each batch `times` times: at once, and then among those of its length that came lately."""

    def __init__(self, batches, times: int, seed: int):
        self.batches, self.times, self.random = iter(batches), times, random.Random(seed)
        self.lately: list[dict] = []

    def __iter__(self):
        while True:
            fresh = next(self.batches)
            yield fresh
            self.lately = [*self.lately[-255:], fresh]
            for _ in range(self.times - 1):
                yield self.random.choice(self.lately)


def moved(batch: dict, device: str) -> dict:
    return batch if device == "cpu" else {name: value.to(device, non_blocking=True) if isinstance(value, torch.Tensor) else value for name, value in batch.items()}


@torch.no_grad()
def evaluate(model: Llama, batches: list[dict]) -> dict:
    """Share of answers whose every token is the likeliest one: what greedy decoding would get exactly right."""
    right: dict[str, list[float]] = {}
    for batch in batches:
        best = model.predict(batch)
        for b, kinds in enumerate(batch["kind"]):
            for first, length, kind in kinds:
                same = best[b, first : first + length] == batch["target"][b, first : first + length]
                right.setdefault(kind, []).append(float(same.all()))
                if kind == "answer":
                    right.setdefault("first", []).append(float(same[0]))
                    right.setdefault("token", []).append(float(same.float().mean()))
    return {k: round(sum(v) / len(v), 3) for k, v in sorted(right.items())}


def add_texts(parser: argparse.ArgumentParser) -> None:
    """The options that say where the texts are of which episodes are made."""
    parser.add_argument("--prose", required=True)
    for name in ("banking", "people", "synonyms"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--written", default=str(pathlib.Path(__file__).parent / "questions"))
    parser.add_argument("--glosses", help="what glosses.py wrote")


def generator_of(arguments: argparse.Namespace) -> Generator:
    return Generator(arguments.prose, arguments.banking, people_path=arguments.people, synonyms_path=arguments.synonyms, written_path=arguments.written, glosses_path=arguments.glosses)


def main() -> None:
    parser = argparse.ArgumentParser()
    add_texts(parser)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--million-tokens", type=float, default=60)
    parser.add_argument("--decay", type=float, nargs=2, metavar=("FROM", "UNTIL"), help="decay the learning rate between these Unix times instead")
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--learning-rate", type=float, default=0.02)
    for name, weight in SHOWN.items():
        parser.add_argument(f"--{name}", type=float, default=weight, help="weight of what the teacher of meanings shows")
    parser.add_argument("--lower", type=float, default=1.0, help="share of the learning rate for what understand.py trained")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--meaning", help="folder of starter-embed, whose word vectors the embedding starts from")
    parser.add_argument("--meanings", type=pathlib.Path, help="folder that meanings.py wrote; without it there is no teacher of meanings")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--reuse", type=int, default=1)
    parser.add_argument("--minutes", type=float, help="of this run; ends the training in place of --million-tokens")
    for name in ("width", "layers", "heads", "hidden"):
        parser.add_argument(f"--{name}", type=int, default=CONFIG[name])
    arguments = parser.parse_args()
    config = CONFIG | {name: getattr(arguments, name) for name in ("width", "layers", "heads", "hidden")}
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    arguments.work.mkdir(parents=True, exist_ok=True)
    generator = generator_of(arguments)
    tokenizer_path, checkpoint_path = arguments.work / "tokenizer.json", arguments.work / "checkpoint.pt"
    if RANKS > 1:
        dist.init_process_group("gloo")
    if not tokenizer_path.exists() and RANK == 0:
        train_tokenizer(generator, tokenizer_path, CONFIG["vocabulary"])
    if RANKS > 1:
        dist.barrier()
    tokenizer = Tokenizer.from_file(str(tokenizer_path))
    r = random.Random(77)
    development = {f"{length}": [collate([make_row(generator, tokenizer, r, length, level, True) for _ in range(6144 // length)]) for _ in range(3)] for length, level in ((256, 0.1), (768, 1.0))}

    model = Llama(**config).to(arguments.device)
    optimizer = Muon(model, arguments.lower)
    step, seconds = 0, 0.0
    if checkpoint_path.exists():
        saved = torch.load(checkpoint_path, weights_only=False, map_location=arguments.device)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        step, seconds = saved["step"], saved["seconds"]
    elif arguments.meaning:
        start_from_meaning(model, [tokenizer.decode([i], skip_special_tokens=False) for i in range(tokenizer.get_vocab_size())], arguments.meaning)
    if arguments.compile:
        model.through, model.surprise = torch.compile(model.through), torch.compile(model.surprise, dynamic=True)
    print(json.dumps({"parameters": sum(p.numel() for p in model.parameters()), "step": step}), flush=True)
    meanings = Meanings(arguments.meanings) if arguments.meanings else None
    stream = Stream(generator, tokenizer, arguments.seed, step // arguments.reuse, arguments.batch_tokens, arguments.reuse, meanings)
    made = DataLoader(stream, batch_size=None, num_workers=arguments.workers, prefetch_factor=8)
    loader = iter(Reused(made, arguments.reuse, arguments.seed))
    development = {name: [moved(batch, arguments.device) for batch in batches] for name, batches in development.items()}
    began, first, running, last_saved = time.time(), step, {}, time.time()
    asked, over = [], False
    weights = {name: weight for name, (_, _, weight) in GUIDES.items()} | {name: getattr(arguments, name) for name in SHOWN}
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    while step < arguments.steps and not over:
        tokens = step * arguments.batch_tokens * RANKS
        left = 1 - tokens / (arguments.million_tokens * 1e6)
        if arguments.minutes:
            left = 1 - (time.time() - began) / (60 * arguments.minutes)
        elif arguments.decay:
            left = 0.4 * min(1.0, (arguments.decay[1] - time.time()) / (arguments.decay[1] - arguments.decay[0]))
        over = left <= 0 or bool(asked)
        rate = arguments.learning_rate * min(1.0, (step + 1) / 100) * min(1.0, max(0.0, left) / 0.4 + 0.02)
        batch = moved(next(loader), arguments.device)
        loss, guides = model.loss(batch, tuple(GUIDES) if tokens < EARLY else LATER)
        (loss + sum(weights[name] * guide for name, guide in guides.items())).backward()
        if RANKS > 1:
            rate, over = averaged(model, rate, over)
        optimizer.step(rate)
        step += 1
        for name, value in {"loss": loss, **guides}.items():
            running[name] = 0.98 * running.get(name, value.detach()) + 0.02 * value.detach()
        if step % 50 == 0 and RANK == 0:
            pace = (step - first) * arguments.batch_tokens * RANKS / (time.time() - began)
            print(json.dumps({"step": step, "Mtok": round(step * arguments.batch_tokens * RANKS / 1e6, 2), **{k: round(float(v), 3) for k, v in running.items()}, "tok/s": round(pace), "rate": round(rate, 5)}), flush=True)
        if step % 250 == 0 and RANK == 0:
            print(json.dumps({"step": step, "development": {name: evaluate(model, batches) for name, batches in development.items()}}), flush=True)
        if time.time() - last_saved > 120 and RANK == 0:
            save(checkpoint_path, model, optimizer, config, step, seconds + time.time() - began)
            last_saved = time.time()
    if RANK:
        return
    save(checkpoint_path, model, optimizer, config, step, seconds + time.time() - began)
    print(json.dumps({"step": step, "final": {name: evaluate(model, batches) for name, batches in development.items()}, "hours": round((seconds + time.time() - began) / 3600, 2)}), flush=True)


def averaged(model: Llama, rate: float, over: bool) -> tuple[float, bool]:
    """Averages the gradients over the processes; all take the learning rate of the first, and stop together."""
    with_gradient = [p for p in model.parameters() if p.grad is not None]
    flat = torch.cat([*(p.grad.flatten() for p in with_gradient), torch.tensor([rate if RANK == 0 else 0.0, float(over)])])
    dist.all_reduce(flat)
    at = 0
    for p in with_gradient:
        p.grad = (flat[at : at + p.numel()] / RANKS).view_as(p)
        at += p.numel()
    return float(flat[-2]), bool(flat[-1] > 0)


def save(path: pathlib.Path, model, optimizer, config: dict, step: int, seconds: float) -> None:
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "seconds": seconds, "config": config}, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").rename(path)


if __name__ == "__main__":
    main()
