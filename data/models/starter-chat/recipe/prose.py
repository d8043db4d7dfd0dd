"""Real prose for training: paragraphs and headings out of documentation in HTML, one JSON line per page.

    python prose.py OUT.jsonl NAME=FOLDER [NAME=FOLDER ...]

The folders are unpacked documentation packages (see README.md for which, and their licences).
"""

import json
import pathlib
import re
import sys
from html.parser import HTMLParser

SKIP = {"script", "style", "nav", "pre", "footer", "table", "svg", "head", "header", "form", "button"}
BLOCK = {"p", "li", "dd", "h1", "h2", "h3", "h4", "dt", "div", "section", "td"}
SENTENCE_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!etc\.)(?<!vs\.)(?<!cf\.)\s+(?=[A-Z`\"(\[0-9])")


def sentences(paragraph: str) -> list[str]:
    return [s.strip() for s in SENTENCE_END.split(paragraph) if s.strip()]


class Page(HTMLParser):
    def __init__(self, ticks: bool):
        super().__init__(convert_charrefs=True)
        self.blocks: list[tuple[str, str]] = []
        self.text, self.tag, self.skip, self.ticks = "", "", 0, ticks

    def flush(self) -> None:
        text = re.sub(r"\s+", " ", self.text).strip().replace("``", "").replace("¶", "").strip()
        if text:
            self.blocks.append((self.tag, text))
        self.text = ""

    def handle_starttag(self, tag, attrs):
        if tag in SKIP:
            self.flush()
            self.skip += 1
        elif tag in BLOCK:
            self.flush()
            self.tag = tag
        elif tag == "code" and self.ticks and not self.skip:
            self.text += "`"

    def handle_endtag(self, tag):
        if tag in SKIP:
            self.skip = max(0, self.skip - 1)
        elif tag in BLOCK:
            self.flush()
        elif tag == "code" and self.ticks and not self.skip:
            self.text += "`"

    def handle_data(self, data):
        if not self.skip:
            self.text += data


def good(sentence: str) -> bool:
    words = sentence.split()
    letters = sum(c.isalpha() or c == " " for c in sentence)
    return 5 <= len(words) <= 45 and letters > 0.78 * len(sentence) and sentence[-1] in ".!?:" and len(sentence) < 320


def read_page(path: pathlib.Path, ticks: bool) -> dict | None:
    page = Page(ticks)
    try:
        page.feed(path.read_text(errors="ignore"))
    except (AssertionError, ValueError):
        return None
    page.flush()
    title, heading, sections = "", "", []
    for tag, text in page.blocks:
        if tag in ("h1", "h2", "h3", "h4"):
            heading = re.sub(r"^[\d.]+\s*|[#]", "", text).strip()[:60]
            title = title or heading
            continue
        kept = [s for s in sentences(text) if good(s)]
        if kept and len(" ".join(kept)) > 0.7 * len(text):
            if not sections or sections[-1]["heading"] != heading:
                sections.append({"heading": heading, "paragraphs": []})
            sections[-1]["paragraphs"].append(kept)
    every = [s for section in sections for p in section["paragraphs"] for s in p]
    if sum(" the " in s or "The " in s for s in every) < 0.25 * len(every):
        return None  # another language, or a table of names
    return {"title": title, "sections": sections} if sum(len(s["paragraphs"]) for s in sections) >= 4 else None


def main() -> None:
    out, seen = open(sys.argv[1], "w"), set()
    for argument in sys.argv[2:]:
        name, _, folder = argument.partition("=")
        pages = [p for p in sorted(pathlib.Path(folder).rglob("*")) if re.search(r"\.html(\.en)?$", p.name)]
        count = 0
        for i, path in enumerate(pages):
            page = read_page(path, ticks=i % 2 == 0)
            if not page:
                continue
            for section in page["sections"]:
                fresh = [p for p in section["paragraphs"] if p[0] not in seen]
                seen.update(p[0] for p in fresh)
                section["paragraphs"] = fresh
            page["sections"] = [s for s in page["sections"] if s["paragraphs"]]
            if page["sections"]:
                count += sum(len(p) for s in page["sections"] for p in s["paragraphs"])
                out.write(json.dumps({"source": name, **page}, ensure_ascii=False) + "\n")
        print(name, len(pages), "pages", count, "sentences", file=sys.stderr)


if __name__ == "__main__":
    main()
