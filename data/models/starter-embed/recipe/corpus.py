"""English prose out of unpacked documentation packages and manual pages: paragraphs and sentences, no duplicates.

Only the teacher's vectors of this text reach the student; none of the text is stored in the model.
"""

import gzip
import json
import random
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from paths import DOCS, WORK

SEED = 1729
MAN_PAGES = Path("/usr/share/man")
MAN_SECTIONS = ("man1", "man5", "man7", "man8")
BLOCKS = {"p", "li", "dd", "dt", "td", "h1", "h2", "h3", "h4", "title", "para", "item", "desc", "entry", "blockquote"}
SILENT = {"script", "style", "pre", "code-block", "nav", "screen", "programlisting", "head", "footer"}
ENGLISH = {"the", "a", "to", "of", "is", "and", "in", "for", "that", "are", "be", "this", "with", "it", "you"}


class Blocks(HTMLParser):
    """Text of block elements, in order; code blocks and menus left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag in SILENT:
            self.silent += 1
        if tag in BLOCKS or tag in SILENT:
            self.flush()

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self.silent = max(0, self.silent - 1)
            self.text = []
        elif tag in BLOCKS:
            self.flush()

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.text.append(data)

    def flush(self) -> None:
        if joined := " ".join("".join(self.text).replace("¶", "").split()):
            self.found.append(joined)
        self.text = []


def documents() -> Iterator[str]:
    """Blocks of every English page below the documentation folder."""
    for path in sorted(DOCS.rglob("*")):
        name = str(path.relative_to(DOCS))
        if path.suffix not in (".html", ".page", ".xml", ".docbook") or not path.is_file():
            continue
        if "/help/" in name and "/help/C/" not in name and "en-US" not in name:
            continue
        if "handbook" in name and "en-US" not in name:
            continue
        if re.search(r"genindex|py-modindex|/whatsnew/changelog|/release-\d|/images/|gnucash-docs/(?!.*/C/)", name):
            continue
        parser = Blocks()
        parser.feed(path.read_text(encoding="utf-8", errors="ignore"))
        parser.flush()
        yield from parser.found


def manual_pages() -> Iterator[str]:
    """Paragraphs of manual pages, with the roff markup taken off."""
    for section in MAN_SECTIONS:
        for path in sorted((MAN_PAGES / section).glob("*.gz")):
            if path.name.startswith("gcloud") or path.is_symlink():
                continue
            try:
                text = gzip.decompress(path.read_bytes()).decode("utf-8", errors="ignore")
            except OSError:
                continue
            paragraph: list[str] = []
            for line in [*text.splitlines(), ".PP"]:
                if re.match(r"\.(PP|P|LP|TP|IP|SH|SS|Pp|Sh|Ss|It|sp|nf|RS|RE|EE|EX)\b", line):
                    if paragraph:
                        yield " ".join(" ".join(paragraph).split())
                    paragraph = []
                elif re.match(r"\.(B|I|BR|IR|RB|RI|BI|Nm|Fl|Ar|Xr|Em)\b", line):
                    paragraph.append(plain(line.split(" ", 1)[1] if " " in line else "").replace('"', ""))
                elif not line.startswith((".", "'")):
                    paragraph.append(plain(line))


def plain(roff: str) -> str:
    """One roff text line without escapes."""
    roff = re.sub(r"\\f(\[[^]]*\]|\(..|.)|\\s[-+]?\d|\\[&/,|^]|\\m\[[^]]*\]", "", roff)
    roff = re.sub(r"\\\((lq|rq|dq)|\\\*\([lr]q", '"', re.sub(r"\\\((aq|cq|oq)", "'", roff))
    return re.sub(r"\\.", "", roff.replace("\\-", "-").replace("\\e", "\\"))


def is_prose(text: str) -> bool:
    """Mostly letters, English function words, no code."""
    words = text.lower().split()
    if not 5 <= len(words) <= 260 or not text.isascii() and sum(c.isascii() for c in text) < 0.97 * len(text):
        return False
    letters = sum(c.isalpha() or c == " " for c in text)
    common = sum(word in ENGLISH for word in words)
    return letters > 0.85 * len(text) and common >= max(1, len(words) // 12)


def sentences(paragraph: str) -> list[str]:
    """Sentences of a paragraph, split at sentence-ending punctuation before a capital."""
    return re.split(r"(?<=[.!?])\s+(?=[A-Z\"'(])", paragraph)


def collect() -> None:
    """Writes paragraphs.jsonl: each a list of sentences, shuffled."""
    seen: set[str] = set()
    kept: list[list[str]] = []
    for source, most in ((documents(), 200_000), (manual_pages(), 40_000)):
        found: list[list[str]] = []
        for text in source:
            key = re.sub(r"[^a-z]+", " ", text.lower())[:160]
            if key not in seen and is_prose(text):
                seen.add(key)
                found.append(sentences(text))
        random.Random(SEED).shuffle(found)
        print(len(found), "paragraphs, kept", min(most, len(found)))
        kept += found[:most]
    random.Random(SEED).shuffle(kept)
    with open(WORK / "paragraphs.jsonl", "w", encoding="utf-8") as file:
        for paragraph in kept:
            file.write(json.dumps(paragraph, ensure_ascii=False) + "\n")


def read_paragraphs() -> list[list[str]]:
    with open(WORK / "paragraphs.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


if __name__ == "__main__":
    collect()
