"""Questions about a sentence of real prose, and the test that a question has one answer.

A question is good when the sentence it was made from shares clearly more of its weighted content words than any other
sentence the model will see; a question is unanswerable when no sentence shares enough of them.
"""

import json
import math
import random
import re

from lexicon import STOP, SYNONYMS, canon

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_'./-]*[A-Za-z0-9]|[A-Za-z0-9]")
AUX = "is are was were has have can could must will would should does do did may".split()


class Weights:
    """Inverse document frequencies of word stems; an unknown stem weighs the most."""

    def __init__(self, counts: dict[str, int], total: int):
        self.counts, self.total = counts, total

    def of(self, key: str) -> float:
        return min(8.0, math.log((self.total + 1) / (self.counts.get(key, 0) + 1))) + 0.5


def keys(text: str) -> list[str]:
    return [canon(w) for w in WORD.findall(text) if w.lower() not in STOP and (len(w) > 2 or w.isdigit())]


def coverage(question: list[str], sentence: set[str], weights: Weights) -> float:
    total = sum(weights.of(k) for k in question)
    return sum(weights.of(k) for k in question if k in sentence) / total if total else 0.0


_FRAMES = """What does it say about {}?|What about {}?|Tell me about {}.|{}?|What is said about {}?|How does {} work?|How are {} handled?
What happens with {}?|Explain {}.|What is {}?|What are {}?|Which {}?|Where is {}?|When {}?|Why {}?|How {}?|How is {} done?|Do {}?
Is there {}?|What do I need to know about {}?|Can you explain {}?|I want to know about {}.|Info on {}?|Who {}?|How much {}?
what is the {}|how to {}|where do I find {}|Is it possible to have {}?|What is the role of {}?|Why is {} important?|Describe {}.
What does the text say on {}?|How should {} be?|What makes {}?|What kind of {}?|Does {}?|Please explain {}.|When should {}?|What if {}?"""
FRAMES = [f for line in _FRAMES.splitlines() for f in line.split("|")]


FILLER = """exactly|here|in practice|by default|normally|in this case|at the moment|on my machine|for me|with this system|in general|correctly
according to the documentation|in the docs|in this product|for users|for my application|right now|these days|in detail|for beginners""".replace("\n", "|").split("|")
LEADS = """Can you tell me|Do you know|I wonder|Please tell me|I would like to know|In this documentation,|Quick question:|According to the passages,|Hello,
Could you say|I am not sure:|We want to know|My colleague asks:""".replace("\n", "|").split("|")


def _strip(text: str) -> str:
    return text.strip(" .,:;!?\"'`()[]")


def _keywords(r: random.Random, sentence: str, weights: Weights) -> str | None:
    words = [w for w in WORD.findall(sentence) if w.lower() not in STOP and len(w) > 2]
    if len(words) < 2:
        return None
    want = min(len(words), r.choice([2, 2, 3, 3, 4, 5]))
    ranked = sorted(range(len(words)), key=lambda i: -weights.of(canon(words[i])) * r.uniform(0.4, 1.0))
    chosen = ranked[:want]
    chosen.sort() if r.random() < 0.7 else r.shuffle(chosen)
    glue = r.choice([" ", " ", " ", " and ", " the ", " for ", " in ", " of "])
    body = words[chosen[0]]
    for i in chosen[1:]:
        body += (glue if r.random() < 0.5 else " ") + words[i]
    return r.choice(FRAMES).format(body)


def _span(r: random.Random, sentence: str, weights: Weights) -> str | None:
    words = sentence.split()
    if len(words) < 6:
        return None
    length = r.randint(3, min(8, len(words) - 2))
    start = r.randint(0, len(words) - length)
    span = words[start : start + length]
    while span and (span[-1].lower().strip(",") in STOP or len(span[-1]) < 2):
        span.pop()
    while span and span[0].lower() in STOP and r.random() < 0.6:
        span.pop(0)
    body = _strip(" ".join(span))
    if start == 0 and body and not body[1:2].isupper():
        body = body[0].lower() + body[1:]
    return r.choice(FRAMES).format(body) if body else None


def _inverted(r: random.Random, sentence: str, weights: Weights) -> str | None:
    """`The server must hold the key` -> `What must the server hold?`"""
    words = _strip(sentence).split()
    at = next((i for i, w in enumerate(words[:12]) if i > 0 and w.lower() in AUX), 0)
    if not at or at == len(words) - 1:
        return None
    subject = " ".join(words[:at])
    if "," in subject or words[0].lower() in ("there", "it", "this", "these", "they", "that", "if", "when", "you"):
        return None
    subject = subject if words[0].isupper() or words[0][1:2].isupper() else subject[0].lower() + subject[1:]
    rest = [_strip(w) for w in words[at + 1 :]]
    aux, few = words[at].lower(), " ".join(rest[: r.randint(1, min(4, len(rest)))])
    return r.choice(
        [f"What {aux} {subject}?", f"What {aux} {subject} {few}?", f"{aux.capitalize()} {subject} {few}?", f"Why {aux} {subject} {few}?", f"How {aux} {subject} {few}?", f"When {aux} {subject} {few}?", f"Which {aux} {' '.join(rest[:6])}?", f"What {aux} {' '.join(rest[:6])}?", f"Where {aux} {subject} {few}?"]
    )


def _ruled(r: random.Random, sentence: str, weights: Weights) -> str | None:
    s = _strip(sentence)
    if m := re.match(r"(?:In order to|To) ([^,]{6,80}), ", s):
        return r.choice(["How do I {}?", "How can I {}?", "What do I do to {}?", "how to {}", "What is needed to {}?", "How would one {}?"]).format(m[1])
    if m := re.match(r"(?:If|When) ([^,]{8,90}), ", s):
        return r.choice(["What happens if {}?", "What happens when {}?", "What if {}?", "What is done when {}?", "{}: what then?"]).format(m[1])
    if m := re.search(r"\b(\d[\d,.]*|two|three|four|five|six|seven|eight|ten) ([a-z]{3,})", s):
        rest = [w for w in WORD.findall(s.replace(m[0], " ")) if w.lower() not in STOP]
        if len(rest) >= 2:
            start = r.randint(0, max(0, len(rest) - 3))
            body = " ".join(rest[start : start + r.randint(2, 4)])
            return r.choice(["How many {} {}?", "How many {} for {}?", "what number of {} {}", "How many {} does {} have?"]).format(m[2], body)
    if m := re.search(r"(.{15,90}) because ", s):
        return "Why " + r.choice(["is it that ", "", "does it say that "]) + m[1][0].lower() + m[1][1:] + "?"
    if m := re.match(r"(?:The|A|An) ([a-zA-Z_` -]{4,40}?) (?:is|are) (?:an? |the )", s):
        return r.choice(["What is {}?", "What is a {}?", "What is the {}?", "Define {}.", "what's {}"]).format(m[1])
    if m := re.search(r"\b(used|needed|required|useful|available|supported|called|set|stored|defined|returned|raised) (to|for|in|by|as|when|with) ", s):
        before = [w for w in WORD.findall(s[: m.start()]) if w.lower() not in STOP][-3:]
        if before:
            return f"What {r.choice(['is', 'are'])} {' '.join(before)} {m[1]} {m[2]}?"
    return None


def reword(r: random.Random, question: str, rate: float) -> str:
    """Swaps words for synonyms, and makes the small slips that people make."""

    def swap(match: re.Match) -> str:
        word = match[0]
        same = SYNONYMS.get(word) or SYNONYMS.get(word.lower())
        if same and r.random() < rate:
            other = r.choice(same)
            return other.capitalize() if word[0].isupper() else other
        if word.isalpha() and word.islower() and len(word) > 4 and word not in STOP and r.random() < rate * 0.25:
            return word[:-1] if word.endswith("s") and not word.endswith("ss") else word + "s" if word[-1] not in "sy" else word
        return word

    text = WORD.sub(swap, question)
    slip = r.random()
    if slip < 0.08:
        text = text.lower()
    elif slip < 0.14:
        text = text.rstrip("?.")
    elif slip < 0.17:
        text = "Hi, " + text[0].lower() + text[1:]
    return text.replace("`", "") if r.random() < 0.5 else text


class Paraphrase:
    """Says content words of a question otherwise, by a table of synonyms (see wordnet.py); without one, nothing changes."""

    def __init__(self, path: str | None):
        self.same: dict[str, list[str]] = json.load(open(path)) if path else {}

    def other(self, r: random.Random, word: str) -> str | None:
        low = word.lower()
        for ending, drop in (("", 0), ("s", 1), ("ed", 2), ("ed", 1), ("ing", 3)):
            if not low.endswith(ending) or (ending and low.endswith("ss")):
                continue
            same = self.same.get(low[: len(low) - drop] if drop else low)
            if same:
                new = r.choice(same)
                if ending == "ed":
                    new += "d" if new.endswith("e") else "ed"
                elif ending == "ing":
                    new = (new[:-1] if new.endswith("e") else new) + "ing"
                elif ending == "s":
                    new += "es" if new.endswith(("s", "x", "ch", "sh")) else "s"
                return new.capitalize() if word[0].isupper() else new
        return None

    def soften(self, r: random.Random, question: str) -> str:
        rate = r.choice([0.0, 0.0, 0.25, 0.5, 0.8]) if self.same else 0.0

        def swap(match: re.Match) -> str:
            word = match[0]
            if word.isalpha() and len(word) > 3 and word.lower() not in STOP and r.random() < rate:
                return self.other(r, word) or word
            return word

        return WORD.sub(swap, question) if rate else question


_MAKERS = [_keywords, _span, _inverted, _inverted, _ruled, _ruled, _ruled]


def ask(r: random.Random, sentence: str, weights: Weights) -> str:
    """One question about `sentence`, reworded."""
    for _ in range(6):
        question = r.choice(_MAKERS)(r, sentence, weights)
        if question and len(set(keys(question))) >= (1 if r.random() < 0.15 else 2) and len(question) < 160:
            return reword(r, question, r.choice([0.0, 0.0, 0.2]))
    return r.choice(FRAMES).format(_strip(sentence)[:80])
