"""WordNet 3.0 as prose, for the everyday words that manuals lack: what common words mean, and sentences that use them.

    python glosses.py FOLDER OUT.jsonl          FOLDER holds data.noun, index.noun, …; OUT has the form of prose.py
"""

import json
import pathlib
import random
import sys

from wordnet import PLAIN, first_senses

MEANS = {
    "noun": ["{} is {}.", "{}: {}.", "The word {} stands for {}.", "{} means {}.", "By {} people mean {}."],
    "verb": ["To {} is to {}.", "{}: {}.", "To {} means to {}."],
    "adj": ["{} means {}.", "{}: {}.", "What is {} is {}."],
    "adv": ["{} means {}.", "{}: {}."],
}
A_SECTION, A_PAGE = 7, 12  # sentences, sections


def sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def said(r: random.Random, part: str, words: list[str], gloss: str):
    """The sentences of one synset: its definition with one of its words, and its examples."""
    pieces = [piece.strip() for piece in gloss.split(";")]
    meaning = next((p for p in pieces if p and not p.startswith('"')), "")
    word = r.choice(words[:2])
    if 2 <= len(meaning.split()) <= 24 and "(" not in meaning:
        pattern = r.choice(MEANS[part])
        bare = part != "noun" or pattern.startswith("The word") or not meaning.startswith(("a ", "an "))
        yield sentence(pattern.format(word if bare else f"an {word}" if word[0] in "aeiou" else f"a {word}", meaning))
    for piece in pieces:
        example = piece.strip('"` ')
        if piece.startswith('"') and piece.endswith('"') and 4 <= len(example.split()) <= 24 and '"' not in example:
            yield sentence(example)


def main() -> None:
    folder, r, pages = pathlib.Path(sys.argv[1]), random.Random(3), []
    for part in MEANS:
        common = {word for word, _ in first_senses(folder, part)}
        stated: list[str] = []
        for line in open(folder / f"data.{part}", encoding="latin-1"):
            if line.startswith("  "):
                continue
            head, _, gloss = line.partition(" | ")
            fields = head.split()
            words = [fields[4 + 2 * n] for n in range(int(fields[3], 16))]
            words = [w for w in words if w in common and PLAIN.match(w)]
            if words:
                stated += said(r, part, words, gloss.strip())
        sections = [{"heading": r.choice(stated[n : n + A_SECTION]).split(" ")[-1].strip(".").capitalize(), "paragraphs": [stated[n : n + A_SECTION]]} for n in range(0, len(stated), A_SECTION)]
        pages += [{"source": "wordnet", "title": r.choice(["Words", "Usage", "Dictionary", "Phrases"]), "sections": sections[n : n + A_PAGE]} for n in range(0, len(sections), A_PAGE)]
    with open(sys.argv[2], "w") as out:
        out.writelines(json.dumps(page) + "\n" for page in pages)
    print(sum(len(s["paragraphs"][0]) for p in pages for s in p["sections"]), "sentences")


if __name__ == "__main__":
    main()
