"""Everyday English by grammar, and word groups over the whole vocabulary, so that words the documentation lacks are taught too."""

import random
from collections.abc import Iterator

PEOPLE = """a man|a woman|a boy|a girl|two men|three women|a child|some children|a group of people|a young couple|an old man|a baby|the team|a crowd|
a police officer|the president|a doctor|a nurse|a teacher|students|a farmer|a chef|a soldier|a tourist|the minister|a judge|protesters|workers|
my neighbour|our manager|a scientist|researchers|a driver|the coach|a musician|an artist|a customer|the librarian|a pilot|a firefighter""".replace("\n", "").split("|")
ANIMALS = "a dog|a cat|two dogs|a horse|a bird|an elephant|a monkey|a cow|a rabbit|a tiger|a panda|a squirrel|a fish|a sheep|a bear|a snake|a kitten|a hamster".split("|")
DOING = """playing {thing}|riding {vehicle}|cutting {food}|cooking {food}|eating {food}|slicing {food}|walking {place}|running {place}|sitting {place}|standing {place}|
jumping over {thing}|talking on the phone|reading {text}|writing {text}|dancing {place}|swimming {place}|climbing {thing}|throwing {thing}|holding {thing}|
painting {thing}|cleaning {thing}|driving {vehicle}|washing {thing}|sleeping {place}|singing a song|kicking a ball|drinking {drink}|carrying {thing}|
looking at {thing}|waiting {place}|working {place}|buying {food}|selling {thing}|fixing {vehicle}|building {thing}|smiling|laughing|pouring {drink}""".replace("\n", "").split("|")
SLOTS = {
    "thing": """the guitar|a piano|a flute|football|chess|a wooden fence|a box|a red ball|an umbrella|a large rock|the kitchen table|a camera|a ladder|a bag|a window|the wall|
a basket|a tree|a kite|a violin|drums|a laptop|a mirror|a suitcase|a hat|the floor|a statue|a chair|a lamp|a clock""".replace("\n", "").split("|"),
    "vehicle": "a bicycle|a motorcycle|a horse|a car|a skateboard|a bus|a boat|a train|a tractor|a scooter|a truck|an old van".split("|"),
    "food": "an onion|a potato|bread|a tomato|rice|pizza|carrots|meat|shrimp|a cake|garlic|vegetables|an apple|noodles|soup|cheese|eggs|a sandwich|fish|a cucumber".split("|"),
    "drink": "water|coffee|milk|tea|juice|beer|wine|lemonade".split("|"),
    "text": "a book|a letter|the newspaper|a message|a report|an essay|notes|a poem|a map|the menu".split("|"),
    "place": """in the park|on the beach|in the snow|on the street|in the kitchen|near the river|on a bench|in a field|at the airport|in the water|on the grass|at night|in the rain|
on stage|in front of a building|at the market|in an office|on the roof|under a bridge|along the shore|across the road|in the mountains|at school|in the hospital""".replace("\n", "").split("|"),
    "country": "China|India|Russia|Iran|Israel|Syria|Egypt|France|Germany|Japan|Brazil|Mexico|Ukraine|Pakistan|Turkey|Canada|Australia|Kenya|Spain|Italy|Greece|Nigeria|South Korea|Britain|the United States".split("|"),
    "event": """an earthquake|a car bomb|a train crash|an election|a summit|peace talks|a strike|a plane crash|heavy rain|a fire|an explosion|new sanctions|a court ruling|a trade deal|
a prisoner release|protests|a flood|a storm|job cuts|an outbreak|a shooting|a data breach|a merger|a budget deal|a ceasefire""".replace("\n", "").split("|"),
    "did": "killed {n} people|left {n} injured|was announced on {day}|ended without agreement|shook the capital|forced thousands from their homes|drew criticism|sent shares down {n} percent|raised prices by {n} percent|was delayed until {day}|was confirmed by officials".split("|"),
    "day": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday".split("|"),
    "topic": """renewable energy|machine learning|the history of science|library catalogues|information retrieval|public health|immigration|climate change|the stock market|
child development|ancient Rome|quantum physics|gardening|nutrition|tax law|software testing|music theory|education policy|space exploration|marine biology|housing prices|
citation analysis|photography|insurance|genetics|philosophy|road safety|human rights|network security|the labour market|scientific journals|language teaching|water supply|
user studies|documentation services|medieval trade|mental health|database design|customer support|knitting|travel abroad""".replace("\n", "").split("|"),
    "product": "the router|my account|the printer|your app|the subscription|my card|the invoice|the battery|the server|this camera|the password|my order|the backup|the heating|the website|a refund|the contract|the delivery".split("|"),
    "issue": "stopped working|is too slow|was charged twice|did not arrive|keeps crashing|is not accepted|needs an update|cannot be found|expired last week|shows an error|was cancelled|makes a strange noise".split("|"),
    "quality": "cheap|expensive|difficult|easy|safe|dangerous|useful|boring|reliable|old|new|important|beautiful|quiet|popular|rare|heavy|accurate|complex|simple".split("|"),
}
FORMS = [
    "{who} is {doing}.", "{who} are {doing}.", "{who} is {doing} while {who} is {doing}.", "{animal} is {doing}.", "{animal} and {who} are {place}.",
    "there is {thing} {place}.", "{who} with {thing} is {place}.", "{country} says {event} {did}.", "{event} in {country} {did}.", "{country} and {country} agree on {event}.",
    "{who} was arrested after {event} in {country}.", "{country}'s {event} {did}, officials said.", "shares rose {n} percent after {event}.", "what is {topic}?",
    "how does {topic} affect {topic}?", "can you explain {topic} in simple words?", "{product} {issue}, what should I do?", "why does it say {product} {issue}?",
    "how do I change {product}?", "I think {topic} is {quality} but {topic} is not.", "is it {quality} to learn {topic}?", "a study of {topic} and its relation to {topic}.",
    "this paper describes methods of {topic}, with emphasis on {topic}.", "the book gives a {quality} introduction to {topic}.", "you should not worry, {product} is {quality}.",
    "in my opinion {product} is more {quality} than {product}.", "{n} percent of {word} in {country} are {quality}.", "the {word} of {topic}", "{word} and {word} {place}",
    "{who} talked about {word} and {topic}.", "a {quality} {word} for {word}", "what does {word} mean?", "the {word} {word} was {quality}.", "{word} is a kind of {word}.",
]


def fill(form: str, words: list[str], rng: random.Random) -> str:
    """One sentence: every slot filled, slots within slots too."""
    while "{" in form:
        start = form.index("{")
        end = form.index("}", start)
        slot = form[start + 1 : end]
        if slot == "who":
            value = rng.choice(PEOPLE)
        elif slot == "animal":
            value = rng.choice(ANIMALS)
        elif slot == "doing":
            value = rng.choice(DOING)
        elif slot == "n":
            value = str(rng.choice([2, 3, 5, 7, 8, 10, 12, 15, 20, 25, 30, 40, 48, 60, 75, 100, 130, 2000]))
        elif slot == "word":
            value = rng.choice(words)
        else:
            value = rng.choice(SLOTS[slot])
        form = form[:start] + value + form[end + 1 :]
    return form[0].upper() + form[1:]


def everyday(count: int, words: list[str], seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(count):
        yield fill(rng.choice(FORMS), words, rng)


def word_groups(count: int, words: list[str], seed: int) -> Iterator[str]:
    """Two to six words side by side; each word about equally often, so that rare ones are seen."""
    rng = random.Random(seed)
    bag: list[str] = []
    for _ in range(count):
        size = rng.choice([2, 2, 3, 3, 4, 6])
        if len(bag) < size:
            bag = words[:]
            rng.shuffle(bag)
        group, bag = bag[:size], bag[size:]
        yield " ".join(group)
