"""Words the generator knows: stop words, synonym groups, invented names, identifiers, numbers."""

import random
import re

STOP = set(
    """a an and are as at be been being but by can could did do does doing done for from had has have having he her
    hers him his how i if in into is it its itself may me might must my no nor not of off on once only or our out over own
    same she should so some such than that the their them then there these they this those through to too under until up
    us very was we were what when where which while who whom whose why will with would you your yours about above after
    again all also am any because before below between both down during each few further here just more most much now
    other please tell say says said explain describe give show many long often mean means called name happens happen one
    get got let lets make makes per via using used use within without upon onto mostly usually therefore however thus
    e.g i.e etc question answer know anything something something's it's doesn't don't isn't can't""".split()
)

# Between bars stands one meaning; the generator swaps words of a line when it writes a question.
_GROUPS = """
delete remove erase | deleted removed erased | keep retain store | kept retained stored saved | start launch begin
starts launches begins | started launched begun | stop halt end | stops halts ends | stopped halted ended | cost price fee charge
costs prices fees charges | buy purchase | bought purchased | make create build | created built made | creates builds makes
founded established started | big large huge | bigger larger | biggest largest | small little tiny | fast quick rapid
faster quicker | quickly rapidly | slow sluggish | change modify alter | changes modifications alterations
changed modified altered | error failure fault | errors failures faults | fails breaks | failed broke | fix repair resolve
fixed repaired resolved | allow permit let | allows permits lets | allowed permitted | forbid prohibit ban
forbidden prohibited banned | need require | needs requires | needed required | show display print | shows displays prints
shown displayed printed | send transmit deliver | sends transmits delivers | sent transmitted delivered | receive get accept
receives gets accepts | folder directory | folders directories | file document | setting option parameter
settings options parameters | configure set adjust | configured set adjusted | configuration settings | default standard
limit maximum cap | maximum largest highest most | minimum smallest lowest least | choose select pick | chooses selects picks
chosen selected picked | find locate discover | found located discovered | search look | check verify validate
checks verifies validates | checked verified validated | run execute | runs executes | ran executed | running executing
command instruction | user person | users people | customer client | customers clients | employee worker | employees workers staff
company firm business | job task | jobs tasks | help assist support | helps assists supports | improve enhance
reduce decrease lower | reduces decreases lowers | reduced decreased lowered | increase raise grow | increases raises grows
increased raised grew | contain include hold | contains includes holds | return give yield | returns gives yields | returned given
write record log | writes records logs | written recorded logged | read load | reads loads | open launch | close shut
closed shut | connect link join | connected linked joined | connection link | copy duplicate | copies duplicates
copied duplicated | backup copy | replace substitute swap | replaced substituted swapped | merge combine join
merged combined joined | split divide separate | splits divides separates | divided split separated | begin start commence
finish complete end | finished completed ended | wait pause | waits pauses | ignore skip | ignores skips | ignored skipped
reject refuse deny | rejects refuses denies | rejected refused denied | approve accept authorise | approved accepted authorised
password passphrase | login sign-in | account profile | purpose goal aim | reason cause | method way approach
methods ways approaches | function routine | value amount quantity | values amounts | number count | part piece portion
parts pieces portions | kind type sort | kinds types sorts | example instance sample | area region zone | place location site
places locations sites | town city | street road | house building | river stream | author writer | job role position
leader head chief | leads heads directs | works serves | lives resides dwells | moved relocated | studied trained | wrote authored
invented devised | designed planned | opened inaugurated | located situated | distance length | weight mass | height tall
weighs heavy | wide width | deep depth | old age | yearly annually annual | timeout deadline | expire lapse | expires lapses
refund reimbursement | refunded reimbursed | ship deliver dispatch | shipped delivered dispatched | shipping delivery
holiday vacation leave | absence leave | salary pay wage | invoice bill | invoices bills | manager supervisor boss
meeting gathering | visitor guest | visitors guests | repair mend | clean wash | inspect examine check
inspected examined checked | inspection examination check | train teach | learn study | safe secure | safety security
dangerous hazardous risky | important essential crucial | main primary principal | common frequent usual | rare uncommon unusual
new recent | old ancient | empty blank | full complete | entire whole | several multiple various | different distinct
similar alike | equal identical same | automatic automated | manually by-hand | mandatory compulsory obligatory required
disable deactivate | enable activate | disabled deactivated | enabled activated | memory RAM | disk storage | network internet
server host | machine computer | program application app | programs applications apps | feature capability | software program
update upgrade refresh | updates upgrades | updated upgraded refreshed | version release | install set-up | uninstall remove
compress shrink | encrypt cipher | query question | reply answer response | request call | message note | object thing item
items things objects | line row | column field | key identifier | word term | prevent avoid stop | prevents avoids stops
protect guard shield | protects guards shields | affect influence | determine decide | determines decides | specify define state
specified defined stated | specifies defines states | describe explain | describes explains | represent denote
represents denotes | produce generate create | produces generates creates | produced generated created | convert transform turn
converts transforms turns | converted transformed turned | obtain get fetch | remain stay | remains stays | occur happen arise
occurs happens arises | raise throw | raises throws | compare contrast | measure gauge | measured gauged
"""

SYNONYMS: dict[str, list[str]] = {}
CANON: dict[str, str] = {}


def stem(word: str) -> str:
    """A crude stem, enough to see that `traces` and `trace`, `kept` and `keeps` are the same word."""
    w = word.lower().strip("'`\"")
    w = re.sub(r"'s$", "", w)
    if len(w) > 5 and w.endswith("ies"):
        return w[:-3] + "y"
    for suffix in ("ingly", "edly", "ing", "ed", "es", "ly", "s", "e"):
        if len(w) - len(suffix) >= 3 and w.endswith(suffix) and not w.endswith("ss"):
            w = w[: -len(suffix)]
            break
    if len(w) > 3 and w[-1] == w[-2] and w[-1] not in "sle":
        w = w[:-1]
    return w[:-1] if len(w) > 3 and w.endswith("e") else w


for _group in _GROUPS.replace("\n", "|").split("|"):
    _words = _group.split()
    for _w in _words:
        SYNONYMS.setdefault(_w, []).extend(x for x in _words if x != _w)
for _w, _same in SYNONYMS.items():
    CANON[stem(_w)] = min([stem(_w), *(stem(x) for x in _same)])


def canon(word: str) -> str:
    s = stem(word)
    return CANON.get(s, s)


_ONSET = "b c d f g h j k l m n p qu r s t v w z br cr dr fr gr kr pr tr bl cl fl gl pl sl sh ch th st sk sp sn sw y x".split()
_VOWEL = "a e i o u a e i o ai ea ee ou oo y au io".split()
_CODA = ["", "", "", "n", "r", "l", "s", "m", "t", "k", "nd", "rn", "x", "th", "ck", "sh", "lt", "p", "d", "rk", "ng"]
_FIRST = """Ana Ben Clara David Elena Farid Grace Hugo Ines Jonas Karin Liam Maria Nadia Omar Petra Quentin Rosa Samuel
Tara Ulrich Vera Walter Xenia Yusuf Zoe Amir Beatrice Carlos Dina Emil Fatima Georg Hana Ivan Julia Kofi Lena Marco Noor
Olga Paul Rita Sven Tomas Uma Viktor Wendy Yara Anton Mei Raj Priya Kenji Aisha Lars Ingrid Pedro Lucia Nikolai""".split()
_LAST = """Adler Baker Castro Diaz Evans Fischer Garcia Hansen Ivanov Jones Keller Lopez Meyer Novak Okafor Peters Quinn
Rossi Smith Tanaka Ueda Vogel Weber Young Zhang Brandt Silva Moreau Larsen Kowalski Haddad Nguyen Patel Kim""".split()


def syllables(r: random.Random, low: int = 2, high: int = 3) -> str:
    return "".join(r.choice(_ONSET) + r.choice(_VOWEL) + r.choice(_CODA) for _ in range(r.randint(low, high)))


def invented(r: random.Random) -> str:
    return syllables(r).capitalize()


def person(r: random.Random) -> str:
    first = r.choice(_FIRST) if r.random() < 0.6 else syllables(r, 1, 2).capitalize()
    last = r.choice(_LAST) if r.random() < 0.4 else invented(r)
    title = r.choice(["Dr. ", "Professor ", "Captain ", "Mrs. "]) if r.random() < 0.06 else ""
    return title + first + " " + last if r.random() < 0.85 else first


_TECH = """state cache token model index trace queue batch retry limit timeout size port host path key user group session
log level mode format store data file page chunk score rate budget worker thread pool buffer region zone policy audit
shadow rollout tenant secret proxy backup export import dry force verbose quiet output input config profile max min""".split()


def identifier(r: random.Random) -> str:
    """A flag, variable, key, path, version or opaque id, as documentation writes them."""
    parts = [r.choice(_TECH) if r.random() < 0.6 else syllables(r, 1, 2) for _ in range(r.randint(1, 3))]
    kind = r.random()
    if kind < 0.2:
        return "--" + "-".join(parts)
    if kind < 0.4:
        return "_".join([syllables(r, 1, 2).upper() if r.random() < 0.6 else "WEIR", *parts]).upper()
    if kind < 0.52:
        return "_".join(parts) if len(parts) > 1 else parts[0] + "()"
    if kind < 0.62:
        return ".".join(parts) + r.choice([".json", ".yaml", ".toml", ".ts", ".py", ".log", ".conf", ".db", ".md"])
    if kind < 0.72:
        return "/" + "/".join(r.choice(["etc", "var", "srv", "opt", "v1", "api", "data", syllables(r, 1, 1)]) for _ in parts) + "/" + parts[0]
    if kind < 0.8:
        return f"v{r.randint(0, 12)}.{r.randint(0, 30)}" + r.choice(["", f".{r.randint(0, 20)}", "-beta", "-rc1", "-alpha"])
    if kind < 0.9:
        return parts[0] + "".join(p.capitalize() for p in parts[1:]) + r.choice(["", "Id", "Ms", "Count", "Error"])
    return "".join(r.choice("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFXYZ-") for _ in range(r.randint(4, 10)))


def number(r: random.Random) -> str:
    return r.choice(
        [str(r.randint(2, 12)), str(r.randint(10, 99)), str(r.randint(100, 999)), str(r.randint(1000, 9999)), f"{r.randint(1, 99)},{r.randint(0, 999):03d}", f"{r.randint(0, 99)}.{r.randint(1, 99)}"]
    )


_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def date(r: random.Random) -> str:
    day, month, year = r.randint(1, 28), r.choice(_MONTHS), r.randint(1420, 2031)
    return r.choice([f"{day} {month} {year}", f"{month} {day}, {year}", f"{month} {year}", str(year), f"{year}-{r.randint(1, 12):02d}-{day:02d}"])


def weekday(r: random.Random) -> str:
    return r.choice(_DAYS)


def clock(r: random.Random) -> str:
    return r.choice([f"{r.randint(0, 23):02d}:{r.choice(['00', '15', '30', '45'])}", f"{r.randint(1, 12)} {r.choice(['am', 'pm'])}", "noon", "midnight"])


def duration(r: random.Random) -> str:
    return f"{r.choice([str(r.randint(2, 90)), 'two', 'three', 'four', 'six', 'ten', 'twelve'])} {r.choice(['seconds', 'minutes', 'hours', 'days', 'weeks', 'months', 'years'])}"


def money(r: random.Random) -> str:
    return r.choice([f"${number(r)}", f"{number(r)} euros", f"€{r.randint(1, 900)}", f"{number(r)} dollars", f"£{r.randint(2, 400)}"])


def size(r: random.Random) -> str:
    return f"{r.randint(1, 999)} {r.choice(['MB', 'GB', 'KB', 'MiB', 'kilobytes', 'gigabytes', 'bytes'])}"
