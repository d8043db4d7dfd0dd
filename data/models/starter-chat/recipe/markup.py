"""Markdown as technical documents have it: emphasis, code, links and leading terms in sentences; code blocks and tables between them."""

import random

from lexicon import identifier, invented, number, syllables


def term(r: random.Random) -> str:
    """What a list explains: `**term**: …`."""
    name = r.choice([identifier, identifier, invented, syllables])(r)
    return r.choice(["**{}**:", "**{}**", "`{}`:", "`{}` —", "**{}** —", "{}:", "**`{}`**:"]).format(name)


def asked_of(r: random.Random, mark: str) -> str:
    """A question that only the leading term answers."""
    name = mark.strip("*`: —")
    return r.choice(["What does {} do?", "What is {}?", "What does {} mean?", "What about {}?", "What is {} for?", "Explain {}.", "what's {}", "What happens in {}?", "Tell me about {}.", "How does {} work?"]).format(name)


def dressed(r: random.Random, sentence: str) -> str:
    """The same words, some of them marked up."""
    words = sentence.split(" ")
    if r.random() < 0.25:
        last = r.randrange(min(4, len(words)))
        words[0] = "**" + words[0]
        words[last] += "**"
    for _ in range(r.choice([0, 1, 1, 2, 3])):
        at, kind = r.randrange(len(words)), r.random()
        plain = words[at].isalnum()
        if kind < 0.4 and plain:
            words[at] = f"`{words[at]}`"
        elif kind < 0.55 and plain:
            words[at] = f"_{words[at]}_"
        elif kind < 0.65 and plain:
            words[at] = f"[{words[at]}]({identifier(r)}.md)"
        elif kind < 0.9 and at:
            words.insert(at, r.choice(["(`{}`)", "`{}`", "`{}`,", "({})"]).format(identifier(r)))
        elif at:
            words.insert(at, r.choice(["—", "→", "/", "·", "=", f"({number(r)})"]))
    return " ".join(words)


SHAPES = ["@ = @", "@: @", "@(@)", "  @: @,", "$ @ @", "const @ = @;", "@   @", "  @ @ @", "# @ @", "import { @ } from '@'", '"@": "@",', "@.@();"]


def line(r: random.Random) -> str:
    """Of code, or what looks like it."""
    shape = r.choice(SHAPES)
    while "@" in shape:
        shape = shape.replace("@", r.choice([identifier, identifier, syllables, number])(r).replace("@", ""), 1)
    return shape


def block(r: random.Random) -> str:
    """A code block or a table; holds no sentence."""
    rows = r.randint(1, 6)
    if r.random() < 0.6:
        return f"```{r.choice(['', 'ts', 'sh', 'yaml', 'json', 'python'])}\n" + "\n".join(line(r) for _ in range(rows)) + "\n```"
    columns = r.randint(2, 4)
    cells = [[r.choice([identifier, syllables, number])(r) for _ in range(columns)] for _ in range(rows + 1)]
    return "\n".join(["| " + " | ".join(cells[0]) + " |", "|" + "---|" * columns, *("| " + " | ".join(c) + " |" for c in cells[1:])])
