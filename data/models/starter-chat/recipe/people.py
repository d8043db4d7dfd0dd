"""Questions that people asked about paragraphs of Wikipedia (the English part of XQuAD, CC BY-SA 4.0): they seldom use the words of the
sentence that answers, which questions made by rules do.

Every eighth article is held out for development.
"""

import dataclasses
import json
import random
import re

from prose import sentences


@dataclasses.dataclass(frozen=True)
class Asked:
    """What people asked of one sentence; as `facts.Fact` to the generator."""

    sentence: str
    questions: tuple[str, ...]
    kind: str
    index: int
    x: str

    def question(self, r: random.Random) -> str:
        return r.choice(self.questions)


@dataclasses.dataclass(frozen=True)
class Paragraph:
    heading: str
    sentences: tuple[str, ...]
    asked: tuple[Asked, ...]
    unanswered: tuple[Asked, ...] = ()  # on its subject, but answered nowhere


def heading_of(context: str) -> str:
    """The longest name in the first sentence stands for the title, which the data does not have."""
    names = re.findall(r"[A-Z][\w'-]+(?: (?:of |the |and )?[A-Z][\w'-]+)*", context[:200])
    return max(names, key=len, default="Overview")


def read(path: str, development: bool = False) -> list[list[Paragraph]]:
    """Articles, each a list of paragraphs."""
    articles = []
    for number, article in enumerate(json.load(open(path))["data"]):
        if (number % 8 == 0) != development:
            continue
        paragraphs = []
        for place, paragraph in enumerate(article["paragraphs"]):
            context = re.sub(r"\s+", " ", paragraph["context"]).strip()
            parts = sentences(context)
            asked: dict[str, list[str]] = {}
            for qa in paragraph["qas"]:
                answer = re.sub(r"\s+", " ", qa["answers"][0]["text"]).strip()
                holding = [part for part in parts if answer in part]
                if len(holding) == 1:  # else the position would tell, but so would it of several sentences
                    asked.setdefault(holding[0], []).append(qa["question"].strip())
            found = tuple(Asked(part, tuple(questions), "people", n, f"{number}/{place}") for n, (part, questions) in enumerate(asked.items()))
            paragraphs.append(Paragraph(heading_of(context), tuple(parts), found))
        articles.append(paragraphs)
    return articles


def passages(r: random.Random, article: list[Paragraph], characters: int, level: float):
    """Paragraphs, or parts of them, within `characters`; what was asked of their sentences; and what was asked of the others."""
    order = r.sample(article, len(article))
    most = r.randint(1, 3) if level < 0.15 else r.randint(1, 7)
    chosen, known, outside, used = [], {}, [], 0
    for paragraph in order:
        start = r.randrange(len(paragraph.sentences))
        part = paragraph.sentences[start : start + (1 if level < 0.15 else r.choice([1, 2, 3, 5, 8, 12]))]
        length = sum(len(sentence) + 1 for sentence in part)
        shown = set(part) if len(chosen) < most and (not chosen or used + length < characters) else set()
        if shown:
            used += length + 25
            chosen.append((paragraph.heading, list(part)))
            outside += paragraph.unanswered * 3
        for one in paragraph.asked:
            if one.sentence in shown:
                known[one.sentence] = one
            elif not shown or one.kind == "written":  # the rest of a shown paragraph may else be answered by what is shown
                outside.append(one)
    return chosen, known, outside
