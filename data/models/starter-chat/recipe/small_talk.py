"""What the model says without passages: greetings, what it is, how to load a larger model; and small JSON objects."""

import json
import random

import lexicon as lx

PULL = "`weir models pull hf:<repo>:<quant>`"
WHO = f"I am Weir's starter model, a very small model trained to answer questions from passages. To load a larger model, run {PULL}."
CAN = f"I answer questions from passages and cite them. I am very small: for anything else, load a larger model with {PULL}."
UNKNOWN = f"I am a very small model and cannot answer that from memory. Give me passages to read, or load a larger model with {PULL}."
LOAD = f"Run {PULL}, for example with a GGUF repository and the quant Q4_K_M."

_TALK = [
    ("hi|hello|hey|Hi!|Hello!|Hello there|good morning|Good evening|hi there|Hey!|hello, how are you?|hey there|greetings|Hi, anyone there?|yo|howdy|Good day|hello weir|Hi Weir!|hiya|Hello, nice to meet you",
     f"Hello! {WHO}"),
    ("who are you?|what are you|Who are you|What is your name?|what model is this?|Which model are you?|are you a bot?|Are you human?|Are you an AI?|who made you?|Who trained you?|tell me about yourself|introduce yourself|what is this?|What's your name|are you chatgpt?|Who am I talking to?|what kind of model are you?|How big are you?|how many parameters do you have?",
     WHO),
    ("what can you do?|What can you do|help|help me|how can you help me?|What are you good at?|What are you for?|what do you do?|How do I use you?|What can I ask you?|can you help me?|what is your purpose?|How does this work?|what are your limits?|Are you any good?|What should I ask?",
     CAN),
    ("thanks|thank you|Thanks!|Thank you very much|thx|great, thanks|cheers|Thanks a lot!|ok thanks|perfect, thank you|nice|great|Good job|cool|ok|bye|goodbye|See you",
     "You are welcome!"),
    ("how do I load a larger model?|load a bigger model|How do I get a better model?|which command pulls a model?|how to install another model|can I use a larger model?|How do I download a model?|pull a model|I want a better model|how do I switch the model?|upgrade the model",
     LOAD),
]  # fmt: skip
TALK = [(q, answer) for asked, answer in _TALK for q in asked.split("|")]

_GENERAL = """What is the capital of {q}?|Who wrote {w}?|How far is the moon?|What is {n} times {n}?|Write a poem about {o}.|Write a function that sorts {o}
Translate "{o}" into {w}.|What is the weather like in {q}?|Who won the election in {d}?|Summarise the history of {q}.|How do I cook {o}?|Explain {w} to me.
What is the meaning of life?|Tell me a joke.|Tell me a story about {p}.|What is the population of {q}?|Who is {p}?|When was {p} born?|What is {n} + {n}?
Give me advice on {o}.|Which is better, {w} or {w2}?|What happened in {d}?|How many {o} are there in {q}?|What does {w} mean?|Solve x + {n} = {n}.
write code in {w}|Write an email to {p} about {o}.|Plan a trip to {q}.|What time is it?|Who is the president?|recommend a book about {o}|Is {w} safe?
How tall is {p}?|why is the sky blue?|What causes {o}?|Give me a recipe with {o}.|Do you like {o}?|List five facts about {q}.|What is love?"""
GENERAL = [g for line in _GENERAL.splitlines() for g in line.split("|")]

SYSTEMS = ["You are a helpful assistant.", "Answer briefly.", "You are Weir, an assistant.", "Be concise and helpful.", "You are an assistant for customers. Be polite."]


def _wrap(system: str, user: str) -> tuple[str, str]:
    prefix = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    return prefix, f"<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"


def talk(r: random.Random, queries: list[str], asked: str | None = None) -> tuple[str, list[tuple[str, int | None]]]:
    """A user turn without passages and its answer; `queries` are real questions the model cannot answer."""
    from facts import OBJECTS

    roll = r.random()
    if roll < 0.5:
        user, answer = r.choice(TALK)
    else:
        slots = {"q": lx.invented(r), "w": lx.invented(r), "w2": lx.invented(r), "p": lx.person(r), "n": lx.number(r), "o": r.choice(OBJECTS), "d": lx.date(r)}
        user = asked if asked and roll > 0.9 else r.choice(queries) if queries and roll > 0.75 else r.choice(GENERAL).format(**slots)
        answer = UNKNOWN
    slip = r.random()
    user = user.lower() if slip < 0.15 else user + r.choice(["!", " ", "?", " please"]) if slip < 0.25 else user
    return user, [(answer, None)]


_FIELDS = {
    "name": lambda r: lx.person(r), "age": lambda r: r.randint(1, 99), "city": lambda r: lx.invented(r), "price": lambda r: r.randint(1, 9999),
    "date": lambda r: lx.date(r), "product": lambda r: f"{lx.invented(r)} {r.choice(['lamp', 'chair', 'phone', 'drill'])}", "quantity": lambda r: r.randint(1, 500),
    "email": lambda r: f"{lx.syllables(r, 1, 2)}@{lx.syllables(r, 1, 2)}.{r.choice(['com', 'org', 'net'])}", "country": lambda r: lx.invented(r),
    "job": lambda r: r.choice(["baker", "teacher", "pilot", "nurse", "engineer"]), "title": lambda r: f"{lx.invented(r)} {lx.invented(r)}", "year": lambda r: r.randint(1500, 2030),
    "id": lambda r: lx.identifier(r).replace('"', ""), "port": lambda r: r.randint(1, 65535), "version": lambda r: f"{r.randint(0, 9)}.{r.randint(0, 20)}",
    "color": lambda r: r.choice(["red", "blue", "green", "black", "white", "yellow"]), "colour": lambda r: r.choice(["red", "blue", "grey", "silver"]),
}  # fmt: skip
_SAID = {
    "name": ["the name is {}", "{} is the name", "name {}"], "age": ["who is {} years old", "aged {}", "age {}", "{} years old"], "city": ["from {}", "living in {}", "in the city of {}"],
    "price": ["costs {}", "at a price of {}", "for {} dollars"], "date": ["on {}", "dated {}"], "product": ["the {}", "a {}"], "quantity": ["{} pieces", "a quantity of {}", "{} of them"],
    "email": ["reachable at {}", "email {}"], "country": ["from the country {}", "in {}"], "job": ["works as a {}", "a {} by trade"], "title": ["entitled {}", "with the title {}"],
    "year": ["in {}", "from the year {}"], "id": ["with id {}", "id {}"], "port": ["on port {}", "port {}"], "version": ["version {}", "in version {}"], "color": ["in {}", "coloured {}"], "colour": ["in {}", "the colour is {}"],
}  # fmt: skip


def _sentence(r: random.Random, fields: list[str], values: list) -> str:
    if "name" in fields and "age" in fields and r.random() < 0.6:
        at, age = values[fields.index("name")], values[fields.index("age")]
        rest = [r.choice(_SAID[f]).format(v) for f, v in zip(fields, values) if f not in ("name", "age")]
        return r.choice(["{} is {}", "{}, {}", "{} is {} years old", "{} turned {}"]).format(at, age) + "".join(", " + x for x in rest)
    if r.random() < 0.3:
        return ", ".join(f"{f}: {v}" for f, v in zip(fields, values))
    order = list(zip(fields, values))
    r.shuffle(order)
    return r.choice([", ", " and ", " "]).join(r.choice(_SAID[f]).format(v) for f, v in order)


def json_task(r: random.Random) -> tuple[str, list[tuple[str, int | None]]]:
    """`Return a JSON object with name and age: Ana is 31` and its object, whose values are copied from the text."""
    fields = r.sample(sorted(_FIELDS), r.choice([2, 2, 3]))
    if r.random() < 0.3:
        fields = ["name", "age"] + ([r.choice(["city", "job", "country", "email"])] if r.random() < 0.5 else [])
    values = [_FIELDS[f](r) for f in fields]
    text = _sentence(r, fields, values) + r.choice([".", "", ""])
    names = ", ".join(fields[:-1]) + " and " + fields[-1] if r.random() < 0.7 else ", ".join(fields)
    lead = r.choice(["Return a JSON object with {}: ", "Give me JSON with {}: ", "Extract {} as JSON: ", "Return JSON with the fields {}. Text: ", "Answer with a JSON object with the keys {}.\n\n", "As JSON with {}: ", "Reply only with JSON ({}): "])
    user = lead.format(names) + text if r.random() < 0.8 else text + "\n\n" + lead.format(names).rstrip(": \n").removesuffix(" Text") + "."
    source = user.index(text)
    answer, cursor = [], "{"
    for n, (field, value) in enumerate(zip(fields, values)):
        cursor += (", " if n else "") + json.dumps(field) + ": " + ("" if isinstance(value, int) else '"')
        answer += [(cursor, None), (str(value), source + text.index(str(value)))]
        cursor = "" if isinstance(value, int) else '"'
    return user, [*answer, (cursor + "}", None)]


def no_passages(r: random.Random, queries: list[str], count: int) -> tuple[str, list[tuple[str, list]]]:
    """A prefix and `count` turns, each of which stands alone after it."""
    from generate import SYSTEM, systems

    roll = r.random()
    prefix, _ = _wrap("" if roll < 0.5 else SYSTEM if roll < 0.65 else r.choice(SYSTEMS + systems()), "")
    turns = []
    for _ in range(count):
        user, answer = json_task(r) if r.random() < 0.5 else talk(r, queries)
        opening = "<|im_start|>user\n"
        shifted = [(text, None if at is None else at + len(prefix) + len(opening)) for text, at in answer]
        turns.append((_wrap("", user)[1], shifted))
    return prefix, turns
