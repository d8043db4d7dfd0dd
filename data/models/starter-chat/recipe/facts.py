"""Invented facts: for each kind of entity, sentences that state a fact and questions that ask for it in other words.

Slots: {x} the entity, {p} person, {q} place, {w} invented word, {n} number, {d} date, {u} duration, {m} money, {s} size,
{i} {j} identifiers, {k} weekday, {c} time of day, {o} {b} objects, {v} adjective. `It` at a sentence's start stands for {x}.
"""

import random

import lexicon as lx

# kind > sentence | sentence > question | question
_FACTS = """
tool > {x} listens on port {n}. | By default {x} binds to port {n}. | The {x} port is {n}. | {x} accepts connections on {i}:{n}. > Which port does {x} use? | What port is {x} on? | Where does {x} listen? | On which port can I reach {x}?
tool > {x} keeps {o} for {u}. | {o} are stored by {x} for {u} and then deleted. | After {u}, {x} deletes {o}. | The retention period for {o} in {x} is {u}. > How long are {o} kept by {x}? | How long does {x} retain {o}? | When does {x} delete {o}? | For how long does {x} store {o}? | What is the retention of {o} in {x}?
tool > Requests to {x} time out after {u}. | {x} waits at most {u} for a reply. | {x} gives up on a call when {u} have passed. > What is the timeout of {x}? | How long does {x} wait for an answer? | When does a request to {x} time out?
tool > {x} writes its logs to `{i}`. | The logs of {x} go to `{i}`. | Log files of {x} are found in {i}. > Where are the logs of {x}? | Where does {x} log? | In which place do I find the {x} log files? | Which file does {x} write its logs to?
tool > Set `{i}` to turn on {o} in {x}. | To enable {o} in {x}, pass {i}. | {o} are off in {x} unless {i} is set. > How do I enable {o} in {x}? | Which option turns on {o} in {x}? | How can I activate {o} in {x}? | What setting switches {o} on in {x}?
tool > {x} is licensed under the {w} licence. | The source of {x} is published under {w}-{n}. > What licence does {x} have? | Under which license is {x} released? | How is {x} licensed?
tool > {x} is written in {w}. | The authors wrote {x} in {w}. | Most of the code of {x} is {w}. > What language is {x} written in? | Which programming language does {x} use? | In what language was {x} implemented?
tool > Install {x} with `{i} install {w}`. | To install {x}, run `{i}`. | {x} is installed by running {i}. > How do I install {x}? | What command installs {x}? | How is {x} set up? | How can I get {x} on my machine?
tool > {x} needs at least {s} of memory. | A machine with {s} of RAM is enough for {x}. | {x} runs in {s} of memory. > How much memory does {x} need? | How much RAM is required for {x}? | What are the memory requirements of {x}?
tool > The configuration of {x} is read from {i}. | {x} reads its settings from `{i}`. | All options of {x} live in {i}. > Where is {x} configured? | Which file holds the settings of {x}? | What does {x} read its configuration from? | Where do the options of {x} live?
tool > {x} stores its data in {w}. | {x} uses {w} as its database. | All state of {x} lives in a {w} database. > Which database does {x} use? | Where does {x} keep its data? | What does {x} store its data in?
tool > To back up {x}, run `{i}`. | A backup of {x} is made by `{i}`. | Backups of {x} are taken with {i}. > How do I back up {x}? | Which command makes a backup of {x}? | How are backups of {x} taken? | How can I save a copy of {x}'s data?
tool > {x} refuses uploads larger than {s}. | Files over {s} are rejected by {x}. | The upload limit of {x} is {s}. > What is the largest file {x} accepts? | How big may an upload to {x} be? | What is the maximum file size in {x}?
tool > Each user of {x} may send {n} requests per minute. | {x} limits clients to {n} calls a minute. | The rate limit of {x} is {n} requests per minute. > What is the rate limit of {x}? | How many requests per minute does {x} allow? | How often may a client call {x}?
tool > If {o} fail, {x} retries {n} times. | {x} tries again {n} times when {o} fail. > What does {x} do when {o} fail? | How many times does {x} retry {o}? | How often does {x} try again if {o} fail?
tool > When {o} are missing, {x} exits with code {n}. | {x} stops with exit code {n} if {o} cannot be found. > Which exit code does {x} return when {o} are missing? | What happens if {o} cannot be found by {x}? | What does {x} do without {o}?
tool > The latest version of {x} is {n}.{n}. | Version {n}.{n} of {x} was released on {d}. > What is the newest version of {x}? | Which release of {x} is the latest? | What is the current version of {x}?
tool > {x} splits {o} into {b}. | {o} are divided into {b} by {x}. > What does {x} split {o} into? | How are {o} divided by {x}? | What does {x} do with {o}?
tool > {x} uses {w} to compare {o} with {b}. | {o} are compared with {b} by means of {w} in {x}. > How does {x} compare {o} with {b}? | What does {x} use to compare {o}? | What are {o} compared with in {x}?
tool > {x} refuses to start without {i}. | Without {i}, {x} does not start. | {i} must be present before {x} starts. > What does {x} need to start? | Why does {x} refuse to start? | What happens in {x} without {i}?
tool > {x} was built because {o} were too {v}. | The reason for {x} is that {o} were too {v}. > Why was {x} built? | Why does {x} exist? | What is the reason for {x}?
tool > Use `{i}` to list all {o} of {x}. | `{i}` prints the {o} known to {x}. | The {o} in {x} can be listed with {i}. > How do I list the {o} of {x}? | How can I see all {o} in {x}? | Which command shows the {o} of {x}?
tool > `{i}` removes {o} from {x}. | Run {i} to delete {o} in {x}. | To get rid of {o}, {x} has {i}. > How do I delete {o} in {x}? | How can I remove {o} from {x}? | What removes {o} from {x}?
tool > {x} encrypts {o} with {w}. | {o} are encrypted by {x} using {w}. > How does {x} protect {o}? | How are {o} encrypted in {x}? | What cipher does {x} use for {o}?
tool > Only {v} users may change {o} in {x}. | Changing {o} in {x} requires the {w} role. > Who may change {o} in {x}? | Who is allowed to modify {o} in {x}? | Which role is needed to edit {o} in {x}?
tool > {x} supports {w}, {w2} and {w3}. | The formats that {x} reads are {w}, {w2} and {w3}. | {x} works with {w} and {w2}. > What does {x} support? | Which formats does {x} read? | What does {x} work with?
tool > {x} does not support {o}. | {o} are not available in {x}. | There is no support for {o} in {x}. > Does {x} support {o}? | Can {x} handle {o}? | Are {o} available in {x}?
item > The {x} costs {m}. | The price of the {x} is {m}. | You can buy the {x} for {m}. | The {x} is sold at {m}. > How much does the {x} cost? | What is the price of the {x}? | What do I pay for the {x}? | How expensive is the {x}?
item > The {x} weighs {n} grams. | The weight of the {x} is {n} kilograms. > How heavy is the {x}? | What does the {x} weigh? | What is the weight of the {x}?
item > The {x} comes with a warranty of {u}. | The {x} is guaranteed for {u}. | The warranty of the {x} lasts {u}. > How long is the warranty of the {x}? | What guarantee does the {x} have? | For how long is the {x} under warranty?
item > The battery of the {x} lasts {u}. | The {x} runs for {u} on one charge. | On a full charge the {x} works for {u}. > How long does the battery of the {x} last? | What is the battery life of the {x}? | How long can the {x} run on a charge?
item > The {x} is made of {w}. | The body of the {x} is {w}. | {w} is what the {x} is made from. > What is the {x} made of? | Which material is used for the {x}? | What material is the {x}?
item > The {x} comes in {v} and {v2}. | The {x} is available in {v} or {v2}. > Which colours does the {x} come in? | What finishes is the {x} available in? | In what variants can I get the {x}?
item > To reset the {x}, hold the {w} button for {u}. | Holding the {w} key for {u} resets the {x}. > How do I reset the {x}? | How is the {x} reset? | What resets the {x}?
item > The {x} must not be exposed to {o}. | Keep the {x} away from {o}. > What should I keep the {x} away from? | What is dangerous for the {x}? | What must the {x} not be exposed to?
item > Clean the {x} with {o}. | The {x} is cleaned with {o}. > How do I clean the {x}? | What is used to wash the {x}? | How should the {x} be cleaned?
item > The {x} is assembled in {q}. | The {x} is manufactured in {q}. | {q} is where the {x} is made. > Where is the {x} made? | In which place is the {x} produced? | Where is the {x} manufactured?
item > Orders of the {x} ship within {u}. | The {x} is delivered in {u}. | Delivery of the {x} takes {u}. > How long does shipping of the {x} take? | When will my {x} arrive? | How fast is the {x} delivered?
item > The {x} can be returned within {u}. | You may send the {x} back within {u} of purchase. | Returns of the {x} are accepted for {u}. > How long can I return the {x}? | What is the return period of the {x}? | Until when can the {x} be sent back? | When can I get a refund for the {x}?
person > {x} was born in {q}. | {x} was born in {q} in {d}. | {q} is the birthplace of {x}. > Where was {x} born? | What is the birthplace of {x}? | In which town was {x} born? | Where does {x} come from?
person > {x} works as a {job} in {q}. | {x} is a {job}. | {x} earns a living as a {job}. > What is the job of {x}? | What does {x} do for a living? | What is {x}'s profession? | What does {x} work as?
person > {x} studied {subject} in {q}. | {x} holds a degree in {subject}. | At the university of {q}, {x} studied {subject}. > What did {x} study? | Which subject did {x} study? | What is {x}'s degree in?
person > {x} invented the {w} in {d}. | In {d}, {x} devised the {w}. | The {w} was invented by {x}. > What did {x} invent? | Who invented the {w}? | Which invention is due to {x}?
person > {x} wrote the book "{w} of {q}". | The novel "{w} and {w2}" was written by {x}. > Which book did {x} write? | What did {x} write? | What is the title of {x}'s book?
person > {x} died in {d}. | {x} died in {q} on {d}. > When did {x} die? | What was the date of {x}'s death? | When was the death of {x}?
person > {x} is married to {p}. | {p} is the spouse of {x}. > Who is {x} married to? | Who is the wife or husband of {x}? | Who is {x}'s partner?
person > {x} likes {o}. | The favourite pastime of {x} is collecting {o}. | {x} has a passion for {o}. > What does {x} like? | What is {x} fond of? | What is the hobby of {x}?
person > {x} can be reached at extension {n}. | The phone number of {x} is {n}-{n}. | Call {x} on {n}. > What is the phone number of {x}? | How can I reach {x}? | How do I call {x}?
person > {x} leads the {w} team. | The {w} team is headed by {x}. | {x} is in charge of the {w} team. > Which team does {x} lead? | What is {x} in charge of? | Who leads the {w} team? | Who is responsible for the {w} team?
person > {x} lives in {q}. | {x} moved to {q} in {d}. | The home of {x} is in {q}. > Where does {x} live? | In which place does {x} reside? | Where is {x}'s home?
place > {x} has {n} inhabitants. | About {n} people live in {x}. | The population of {x} is {n}. > How many people live in {x}? | What is the population of {x}? | How many inhabitants does {x} have? | How big is {x}?
place > {x} lies on the {w} river. | The river {w} flows through {x}. | {x} stands on the banks of the {w}. > Which river flows through {x}? | On what river does {x} lie? | What river is {x} on?
place > {x} was founded in {d}. | The town of {x} was established in {d} by {p}. | {p} founded {x} in {d}. > When was {x} founded? | How old is {x}? | Who founded {x} and when? | In which year was {x} established?
place > {x} is famous for its {o}. | Visitors come to {x} for its {o}. | {x} is known for {o}. > What is {x} famous for? | What is {x} known for? | Why do visitors come to {x}?
place > {x} is the capital of {q}. | The capital of {q} is {x}. > What is the capital of {q}? | Which place is {x} the capital of?
place > {x} lies {n} metres above the sea. | The altitude of {x} is {n} metres. > How high is {x}? | What is the elevation of {x}? | At what height does {x} lie?
place > The mayor of {x} is {p}. | {p} has been mayor of {x} since {d}. | {x} is governed by {p}. > Who is the mayor of {x}? | Who governs {x}? | Who runs the town of {x}?
place > A market is held in {x} every {k}. | The market of {x} takes place on {k}. > When is the market in {x}? | On which day is there a market in {x}? | What day is market day in {x}?
place > The main language of {x} is {w}. | People in {x} speak {w}. > What language is spoken in {x}? | Which language do people in {x} speak?
place > Trains from {x} to {q} take {u}. | The train leaves {x} for {q} at {c}. > How do I get from {x} to {q}? | What about trains from {x} to {q}? | What is the train connection between {x} and {q}?
place > Winters in {x} are {v} and {v2}. | The climate of {x} is {v}. > What is the climate of {x} like? | What are winters in {x} like? | How is the weather in {x}?
rule > {x} staff must report {o} within {u}. | At {x}, {o} have to be reported within {u}. | Report {o} at {x} no later than {u} after they happen. > How soon must {o} be reported at {x}? | When do I have to report {o} at {x}? | What is the deadline for reporting {o} at {x}?
rule > {x} pays for {o} up to {m}. | {o} are reimbursed by {x} up to {m}. | The limit for {o} at {x} is {m}. > How much does {x} pay for {o}? | What is the limit for {o} at {x}? | What does {x} reimburse for {o}?
rule > Employees of {x} get {n} days of leave a year. | {x} grants {n} days of holiday each year. | Everyone at {x} has {n} vacation days. > How many days of vacation do {x} employees have? | How much leave do I get at {x}? | How many days off does {x} give?
rule > {x} is closed on {k}. | On {k}, {x} stays shut. > When is {x} closed? | On which day is {x} not open? | Which day is {x} shut?
rule > {x} opens at {c}. | The doors of {x} open at {c}. | {x} is open from {c}. > When does {x} open? | At what time does {x} open? | What are the opening hours of {x}?
rule > Visitors to {x} must wear {o}. | {o} are mandatory for guests of {x}. | No one enters {x} without {o}. > What must visitors wear at {x}? | What is mandatory for guests of {x}? | What do I need to enter {x}?
rule > {o} are forbidden at {x}. | {x} does not allow {o}. | It is not permitted to bring {o} to {x}. > What is forbidden at {x}? | What does {x} not allow? | What may I not bring to {x}? | Are {o} allowed at {x}?
rule > Membership of {x} costs {m} a year. | Members pay {x} {m} each year. | The annual fee of {x} is {m}. > What is the membership fee of {x}? | How much do members of {x} pay? | What does it cost to join {x}?
rule > {p} approves {o} at {x}. | At {x}, {o} need the approval of {p}. > Who approves {o} at {x}? | Whose approval do {o} need at {x}? | Who signs off {o} at {x}?
rule > {x} was founded by {p} in {d}. | {p} started {x} in {d}. > Who founded {x}? | When was {x} founded? | Who started {x}?
rule > {x} has {n} employees. | {n} people work for {x}. | {x} employs {n} people. > How many people work at {x}? | How many employees does {x} have? | How large is the workforce of {x}?
rule > The headquarters of {x} are in {q}. | {x} is based in {q}. | The main office of {x} is in {q}. > Where is {x} based? | Where are the headquarters of {x}? | In which town is the main office of {x}?
rule > Complaints about {x} go to {i}@{w}.org. | Write to {w}@{w2}.com to complain about {x}. | For questions about {x}, contact {p}. > How do I complain about {x}? | Whom do I contact about {x}? | Where can I send questions about {x}?
rule > To cancel {x}, give notice {u} ahead. | {x} can be cancelled with {u} of notice. | The notice period of {x} is {u}. > How do I cancel {x}? | What is the notice period of {x}? | How long before must I cancel {x}?
"""

FACTS: dict[str, list[tuple[list[str], list[str]]]] = {}
for _line in _FACTS.strip().splitlines():
    _kind, _said, _asked = _line.split(" > ")
    FACTS.setdefault(_kind, []).append((_said.split(" | "), _asked.split(" | ")))

OBJECTS = """traces sessions accounts invoices backups reports uploads messages cookies tickets photos recordings passwords
snapshots drafts orders receipts contracts laptops bicycles gloves helmets masks badges parcels letters candles lanterns
mushrooms cheeses violins carpets clocks maps stamps coins kites boats bridges towers gardens festivals fountains windmills
hotel nights|train tickets|phone calls|lost keys|old books|wild horses|glass bottles|damaged goods|travel expenses|staff cards
access tokens|api keys|audit records|search results|background jobs|failed logins|test runs|draft pages|user profiles
temporary files|dead links|email addresses|crash reports|large images|expired sessions|shared folders|nightly builds
open fires|loud music|pets|drones|cameras|umbrellas|suitcases|ladders|knives|wet cloths|warm water|vinegar|accidents|injuries"""
OBJECTS = [o for line in OBJECTS.splitlines() for o in (line.split("|") if "|" in line else line.split())]
ADJECTIVES = "slow cold mild dry wet red blue green grey black white silver costly noisy fragile heavy windy verified senior trusted internal external humid bright dark".split()
JOBS = "baker carpenter surgeon teacher pilot plumber engineer librarian lawyer gardener nurse chemist sculptor tailor judge farmer welder actor translator geologist".split()
SUBJECTS = "chemistry law medicine physics history botany music geology astronomy economics philosophy linguistics architecture biology".split()


def entity(r: random.Random, kind: str) -> str:
    name = lx.invented(r)
    if kind == "person":
        return lx.person(r)
    if kind == "tool":
        return r.choice([name, name, name.lower(), f"{name} {lx.invented(r)}", f"the {lx.syllables(r)} {r.choice(['server', 'gateway', 'service', 'client', 'index', 'worker', 'cache', 'scheduler'])}", f"{name}DB", f"`{lx.syllables(r)}`"])
    if kind == "item":
        return f"{name} {r.choice(['lamp', 'kettle', 'drill', 'chair', 'watch', 'tent', 'phone', 'bike', 'mixer', 'radio', 'pump', 'scanner', 'X' + str(r.randint(1, 99)), 'Pro', 'camera'])}"
    if kind == "place":
        return r.choice([name, name, f"{r.choice(['Port', 'Lake', 'Mount', 'New', 'Upper', 'San'])} {name}"])
    return r.choice([name, f"{name} {r.choice(['Ltd', 'Group', 'Library', 'Museum', 'Club', 'Bank', 'School', 'Airlines', 'Institute', 'Hospital'])}", f"the {name} {r.choice(['plan', 'museum', 'programme', 'club', 'office', 'archive'])}"])


def _slots(r: random.Random, x: str) -> dict[str, str]:
    o, b = r.sample(OBJECTS, 2)
    if r.random() < 0.25:
        o = f"{lx.syllables(r, 2, 2)} {o}"
    v, v2 = r.sample(ADJECTIVES, 2)
    return {
        "x": x, "p": lx.person(r), "q": lx.invented(r), "w": lx.invented(r), "w2": lx.invented(r), "w3": lx.invented(r),
        "n": lx.number(r), "d": lx.date(r), "u": lx.duration(r), "m": lx.money(r), "s": lx.size(r), "i": lx.identifier(r),
        "j": lx.identifier(r), "k": lx.weekday(r), "c": lx.clock(r), "o": o, "b": b, "v": v, "v2": v2,
        "job": r.choice(JOBS), "subject": r.choice(SUBJECTS),
    }  # fmt: skip


def _capital(text: str) -> str:
    return text[0].upper() + text[1:] if text and text[0].islower() else text


class Fact:
    """One stated fact: its sentence, and questions that ask for it with the entity's name."""

    def __init__(self, r: random.Random, kind: str, index: int, x: str, pronoun: bool):
        said, self.asked = FACTS[kind][index]
        self.kind, self.index, self.x = kind, index, x
        self.slots = _slots(r, x)
        pattern = r.choice(said)
        if pronoun:
            subject = r.choice(["She", "He"]) if kind == "person" else "It"
            for lead in ("The {x} ", "{x} "):
                if pattern.startswith(lead):
                    pattern = subject + " " + pattern[len(lead) :]
        self.sentence = _capital(pattern.format(**self.slots))

    def question(self, r: random.Random) -> str:
        return _capital(r.choice(self.asked).format(**self.slots))


def facts(r: random.Random, count: int, kind: str | None = None, used: list[int] | None = None) -> list[Fact]:
    """`count` different facts about one new entity."""
    kind = kind or r.choice(["tool", "tool", "item", "person", "place", "rule", "rule"])
    x = entity(r, kind)
    indexes = r.sample(range(len(FACTS[kind])), min(count, len(FACTS[kind])))
    if used:  # the same facts as another entity has: only the name tells them apart
        indexes = (used + [i for i in indexes if i not in used])[:count]
    return [Fact(r, kind, index, x, n > 0 and r.random() < 0.3) for n, index in enumerate(indexes)]
