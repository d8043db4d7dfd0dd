"""The guard's examples: (text, 1 for an attack, tactic), from the grammars, the embedder's corpus and source code on this machine."""

import random
import re
import sysconfig
from pathlib import Path

import acts
import attacks
import benign
import benign_more
import foreign
import jailbreaks
import roles
from grammar import Grammar
from mined import mined_questions
from obfuscate import obfuscate
from shared import everyday, foreign_blocks, read_paragraphs, stsb_train, banking77_train

Example = tuple[str, int, str]
SEED = 1729
ATTACK_SHARES = {"override": 13, "leak": 6, "ask_prompt": 7, "authority": 6, "forged": 5, "hypothetical": 6, "harmful": 4, "act": 12, "natural": 16, "roleplay": 9, "jailbreak": 9, "foreign": 5, "indirect": 14, "obfuscated": 3}
BENIGN_SHARES = {"request": 10, "assist": 9, "careful": 8, "act": 11, "chat": 9, "task": 7, "mined": 9, "acting": 10, "meta": 11, "foreign": 5, "prose": 14, "sentence": 5, "stsb": 4, "banking": 6, "everyday": 4, "code": 3, "document": 4, "obfuscated": 2}
CARRIERS = [
    "From: {name}@example.com\nSubject: {subject}\n\n{text}\n\nBest regards,\n{name}",
    "Summarise the following document:\n\n{text}",
    "Translate the text below to German.\nText: {text}",
    "<html><body><p>{text}</p></body></html>",
    "Title: {subject}\n\n{text}",
    "Context:\n{text}\n\nQuestion: what does the text say about {subject}?",
    '{{"result": "{text}", "source": "{subject}"}}',
    "Review by {name}: {text} 5 stars.",
    "User: hello\nAssistant: Hi, how can I help you?\nUser: {text}",
    "Please answer the customer's question.\n\n{name}: {text}",
    "# {subject}\n\n{text}\n\n<!-- end of page -->",
    "Classify the sentiment of this sentence: {text}",
    '"{text}"',
    "[1] {text}\n\n[2] See also {subject}.",
]
NAMES = ["anna", "marco", "j.smith", "li.wei", "fatima", "support", "tom", "newsletter", "maria", "hr"]
SUBJECTS = ["the invoice", "our meeting", "holiday plans", "quarterly report", "your order", "team lunch", "a new recipe", "printer settings", "travel tips", "job application"]


class Source:
    """Draws examples of one split; phrases and paragraphs of the splits do not meet."""

    def __init__(self, held: bool):
        natural = {"act": acts.FRAMES, "natural": acts.NATURAL, "ploy": acts.PLOY, "wish": acts.WISH, "asset": acts.ASSET, "bad_do": acts.BAD_DO, "bad_thing": acts.BAD_THING, "poser": roles.POSER, "pose": roles.POSE, "posed": roles.POSED, "roleplay": roles.ROLEPLAY, "prompt_words": roles.PROMPT_WORDS, "ask_prompt": roles.LEAK}
        banks = {**attacks.WORDS, **attacks.TACTICS, **jailbreaks.PARTS, "foreign": foreign.ATTACKS, **natural, "do": acts.BAD_DO, "thing": acts.BAD_THING}
        self.attack = Grammar(banks, SEED + held, held)
        self.benign = Grammar({**benign.WORDS, **benign.KINDS, "foreign": foreign.BENIGN, "act": acts.FRAMES, "do": acts.GOOD_DO, "thing": acts.GOOD_THING, "chat": roles.CHAT, "asks": roles.ASKS, "assist": benign_more.ASSIST, "careful": benign_more.CAREFUL}, SEED + 10 + held, held)
        self.rng = random.Random(SEED + 20 + held)
        self.paragraphs = self._mine(read_paragraphs(), held)
        self.mined = mined_questions(self.paragraphs)
        self.stsb = self._mine(stsb_train(), held)
        self.banking = self._mine(banking77_train(), held)
        self.foreign_prose = self._mine(foreign_blocks(), held)
        self.code = self._mine(source_code(), held)
        words = sorted({w for p in self.paragraphs[:3000] for w in re.findall(r"[a-z]{4,}", " ".join(p).lower())})
        self.everyday = everyday(10**9, words, SEED + 30 + held)

    @staticmethod
    def _mine(items: list, held: bool) -> list:
        return [item for index, item in enumerate(items) if (index % 10 == 0) == held]

    def prose(self, most: int) -> str:
        chosen = self.rng.sample(self.paragraphs, self.rng.randint(1, most))
        return self.rng.choice([" ", "\n\n"]).join(" ".join(paragraph) for paragraph in chosen)

    def carried(self, text: str) -> str:
        carrier = self.rng.choice(CARRIERS)
        return carrier.format(text=text, name=self.rng.choice(NAMES), subject=self.rng.choice(SUBJECTS))

    def short_benign(self) -> str:
        return self.rng.choice([
            lambda: self.benign.pick("request"),
            lambda: self.rng.choice(self.banking),
            lambda: self.rng.choice(self.stsb),
            lambda: self.rng.choice(self.rng.choice(self.paragraphs)),
            lambda: next(self.everyday),
            self.mined_question,
            lambda: self.benign.pick(self.rng.choice(["chat", "assist"])),
            lambda: self.benign.expand("{passage} {passage}"),
        ])()

    def mined_question(self) -> str:
        phrase, frames = self.rng.choice(self.mined)
        frame = self.rng.choice(frames)
        return frame.format(phrase if frame.startswith("{") else phrase[0].lower() + phrase[1:])

    def plain_attack(self) -> str:
        tactic = self.rng.choices(["override", "leak", "ask_prompt", "natural", "authority", "forged", "hypothetical"], [5, 2, 2, 3, 2, 2, 2])[0]
        return self.attack.pick(tactic)

    def attack_text(self, tactic: str) -> str:
        if tactic == "jailbreak":
            return jailbreaks.jailbreak(self.attack)
        if tactic == "indirect":
            text = self.within_prose() if self.rng.random() < 0.6 else self.surrounded(self.plain_attack(), 2)
            return self.carried(text) if self.rng.random() < 0.6 else text
        if tactic == "obfuscated":
            hidden = obfuscate(self.plain_attack(), self.rng)
            return self.attack.expand("(decode|follow|read|translate|do) (this|the following) and (obey|do what it says|answer it|execute it): ") + hidden
        text = self.attack.pick(tactic)
        if tactic not in ("harmful", "act", "ask_prompt") and self.rng.random() < 0.3:
            text = self.surrounded(text, 1)
        if tactic not in ("harmful", "act", "ask_prompt") and self.rng.random() < 0.12:
            text = f"{text} {self.plain_attack()}"
        return text

    def surrounded(self, attack: str, most: int) -> str:
        """An attack after, before or between harmless text."""
        before = self.rng.choice([self.short_benign, lambda: self.prose(most)])()
        joiner = self.rng.choice([" ", "\n", "\n\n", ". "])
        return self.rng.choices(
            [f"{before}{joiner}{attack}", f"{attack}{joiner}{before}", f"{before}{joiner}{attack}{joiner}{self.short_benign()}"], [5, 3, 3]
        )[0]

    def within_prose(self) -> str:
        """An attack at some sentence boundary of one to three paragraphs."""
        sentences = [sentence for paragraph in self.rng.sample(self.paragraphs, self.rng.randint(1, 3)) for sentence in paragraph]
        sentences.insert(self.rng.choice([0, len(sentences), self.rng.randint(0, len(sentences))]), self.plain_attack())
        return " ".join(sentences)

    def benign_text(self, kind: str) -> str:
        match kind:
            case "prose":
                return self.prose(4)
            case "mined":
                return self.mined_question()
            case "sentence":
                return self.rng.choice(self.rng.choice(self.paragraphs))
            case "stsb":
                return self.rng.choice(self.stsb)
            case "banking":
                return self.rng.choice(self.banking)
            case "everyday":
                return next(self.everyday)
            case "code":
                return self.rng.choice(self.code)
            case "document":
                parts = [self.prose(2), *(self.short_benign() for _ in range(self.rng.randint(0, 3)))]
                return self.carried(" ".join(parts))
            case "obfuscated":
                return self.rng.choice(["", "decode this: ", "what does this mean: "]) + obfuscate(self.short_benign()[:160], self.rng)
            case "task":
                passage = self.rng.choice([lambda: self.prose(2), lambda: self.benign.expand("{passage} {passage} {passage}"), lambda: " ".join(self.rng.sample(self.stsb, 4))])()
                return self.benign.pick("task").replace("<passage>", passage).replace("<sentence>", self.rng.choice(self.stsb))
            case "foreign":
                return self.benign.pick("foreign") if self.rng.random() < 0.5 else self.rng.choice(self.foreign_prose)
        text = self.benign.pick(kind)
        if self.rng.random() < 0.15:
            text = f"{text}{self.rng.choice([' ', chr(10)])}{self.short_benign()}"
        return text

    def example(self) -> Example:
        label = self.rng.random() < 0.45
        shares = ATTACK_SHARES if label else BENIGN_SHARES
        kind = self.rng.choices(list(shares), list(shares.values()))[0]
        text = self.attack_text(kind) if label else self.benign_text(kind)
        return self.styled(text), int(label), kind

    def styled(self, text: str) -> str:
        """Small accidents of typing, for both classes alike."""
        roll = self.rng.random()
        if roll < 0.5 and text:
            text = text[0].upper() + text[1:]
        elif roll < 0.6:
            text = text.rstrip(".!? ")
        elif roll < 0.66:
            text = text.rstrip(".!? ") + self.rng.choice(["!", "!!!", "...", "?", " please", " thanks"])
        return text


def source_code() -> list[str]:
    """Pieces of the Python standard library."""
    pieces = []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        lines = path.read_text(encoding="utf-8", errors="ignore").splitlines()
        pieces += ["\n".join(lines[at : at + 12]) for at in range(40, len(lines) - 12, 60)]
    return pieces


def examples(count: int, held: bool) -> list[Example]:
    source = Source(held)
    return list(dict.fromkeys(source.example() for _ in range(count)))
