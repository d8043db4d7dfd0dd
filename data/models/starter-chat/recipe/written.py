"""Questions written for this recipe with a large language model, about excerpts of the prose and about invented articles (`questions/*.txt`).

    ### Title > Section
    1. A sentence.
    ? 1 A question that sentence 1 answers?
    ? 0 A question on the same subject that no sentence answers?

Every twentieth excerpt is held out for development.
"""

import pathlib
import re

from people import Asked, Paragraph


def read(folder: str, development: bool = False) -> list[list[Paragraph]]:
    """Groups of up to twelve excerpts of one file; passages are drawn from one group."""
    groups = []
    for path in sorted(pathlib.Path(folder).glob("*.txt")):
        found = [excerpt(part, f"{path.stem}/{n}") for n, part in enumerate(path.read_text().split("### ")[1:])]
        kept = [one for n, one in enumerate(found) if one.asked and (n % 20 == 0) == development]
        groups += [kept[n : n + 12] for n in range(0, len(kept), 12)]
    return groups


def excerpt(text: str, place: str) -> Paragraph:
    heading, *lines = text.strip().splitlines()
    sentences = [re.sub(r"^\d+\. ", "", line).strip() for line in lines if re.match(r"\d+\. ", line)]
    asked: dict[int, list[str]] = {}
    for line in lines:
        if match := re.match(r"\? (\d+) (.+)", line):
            if int(match[1]) <= len(sentences):
                asked.setdefault(int(match[1]), []).append(match[2].strip())
    unanswered = tuple(Asked("", (question,), "unanswered", n, place) for n, question in enumerate(asked.pop(0, [])))
    known = tuple(Asked(sentences[n - 1], tuple(questions), "written", n, place) for n, questions in sorted(asked.items()))
    return Paragraph(heading.strip(), tuple(sentences), known, unanswered)
