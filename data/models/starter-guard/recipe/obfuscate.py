"""Ways attackers hide words from filters; the same are put on harmless text too."""

import base64
import codecs
import random

LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"})
LOOKALIKE = str.maketrans({"a": "а", "e": "е", "o": "о", "c": "с", "p": "р", "x": "х"})


def spaced(text: str, rng: random.Random) -> str:
    return rng.choice([" ", ".", "-", "_"]).join(text)


def typos(text: str, rng: random.Random) -> str:
    """Swaps, drops or doubles a letter in about a third of the words."""
    words = text.split(" ")
    for index, word in enumerate(words):
        if len(word) > 3 and rng.random() < 0.35:
            at = rng.randrange(1, len(word) - 1)
            words[index] = rng.choice([
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            ])
    return " ".join(words)


def hide_some(text: str, rng: random.Random) -> str:
    """Breaks a few words up with separators."""
    words = text.split(" ")
    for index, word in enumerate(words):
        if len(word) > 4 and rng.random() < 0.3:
            words[index] = rng.choice(["-", ".", "*", " ", "​"]).join(word)
    return " ".join(words)


def obfuscate(text: str, rng: random.Random) -> str:
    """One of nine disguises."""
    return rng.choice([
        lambda: base64.b64encode(text.encode()).decode(),
        lambda: codecs.encode(text, "rot13"),
        lambda: text.translate(LEET),
        lambda: text.translate(LOOKALIKE),
        lambda: spaced(text[:80], rng),
        lambda: text[::-1],
        lambda: typos(text, rng),
        lambda: hide_some(text, rng),
        lambda: text.encode().hex(" ")[:400],
    ])()
