"""A tiny text grammar: `(a|b|)` picks one, `{slot}` picks from a bank and expands what it finds there."""

import random
import re
import zlib

HELD_TENTHS = 2
"""Tenths of every larger bank that only the held-out split may use, so that it measures phrases never trained on."""

INNERMOST = re.compile(r"\(([^()]*\|[^()]*)\)|\{(\w+)\}")


class Grammar:
    """Texts from banks of phrases; `held` chooses which share of the phrases may be drawn."""

    def __init__(self, banks: dict[str, list[str]], seed: int, held: bool):
        self.rng = random.Random(seed)
        self.held = held
        self.banks = {name: self._share(bank) for name, bank in banks.items()}

    def _share(self, bank: list[str]) -> list[str]:
        if len(bank) < 10:
            return bank
        mine = [item for item in bank if (zlib.crc32(item.encode()) % 10 < HELD_TENTHS) == self.held]
        return mine or bank

    def pick(self, name: str) -> str:
        return self.expand(self.rng.choice(self.banks[name]))

    def expand(self, text: str) -> str:
        """The text with every choice made; a literal parenthesis without `|` stays."""
        while match := INNERMOST.search(text):
            if match.group(2):
                value = self.rng.choice(self.banks[match.group(2)])
            else:
                value = self.rng.choice(match.group(1).split("|"))
            text = text[: match.start()] + value + text[match.end() :]
        return re.sub(r"[ \t]+", " ", text).strip()

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability


def bank(text: str) -> list[str]:
    """One phrase per line."""
    return [line.strip() for line in text.strip().splitlines() if line.strip()]
