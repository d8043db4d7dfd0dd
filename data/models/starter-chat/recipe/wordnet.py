"""Synonyms for paraphrases: the most frequent sense of each common word in WordNet 3.0 (Debian's `wordnet-base`).

    python wordnet.py FOLDER OUT.json          FOLDER holds data.noun, index.noun, …
"""

import json
import pathlib
import re
import sys

PLAIN = re.compile(r"[a-z]{3,14}$")


def synsets(folder: pathlib.Path, part: str) -> dict[str, list[str]]:
    """Words of each synset by its offset."""
    found = {}
    for line in open(folder / f"data.{part}", encoding="latin-1"):
        if line.startswith("  "):
            continue
        fields = line.split()
        count = int(fields[3], 16)
        found[fields[0]] = [re.sub(r"\([a-z]+\)$", "", fields[4 + 2 * n]).lower() for n in range(count)]
    return found


def first_senses(folder: pathlib.Path, part: str):
    """Each word with the offset of its most frequent sense, if people have met the word often enough for that to be known."""
    for line in open(folder / f"index.{part}", encoding="latin-1"):
        if line.startswith("  "):
            continue
        fields = line.split()
        pointers = int(fields[3])
        tagged = int(fields[5 + pointers])
        if tagged and PLAIN.match(fields[0]):
            yield fields[0], fields[6 + pointers]


def main() -> None:
    folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    synonyms: dict[str, set[str]] = {}
    common = {word for part in ("noun", "verb", "adj", "adv") for word, _ in first_senses(folder, part)}
    for part in ("noun", "verb", "adj", "adv"):
        words = synsets(folder, part)
        for word, offset in first_senses(folder, part):
            same = {other for other in words[offset] if other != word and PLAIN.match(other) and other in common}
            if same:
                synonyms.setdefault(word, set()).update(same)
    out.write_text(json.dumps({word: sorted(same) for word, same in sorted(synonyms.items())}))
    print(len(synonyms), "words with synonyms")


if __name__ == "__main__":
    main()
