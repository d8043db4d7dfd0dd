"""Real questions turned out of documentation sentences: users ask how to override, ignore, bypass and delete things every day."""

import re

MINED = [
    (re.compile(r"^To ([a-z]+ [^,.;:()]{8,70}), "), ["How do I {}?", "how can I {}", "I want to {}, how?", "Show me how to {}.", "What is the right way to {}?", "explain how to {}", "Tell me how to {} please", "I need to {}"]),
    (re.compile(r"^(?:You|Users) (?:can|may|should|must) ([a-z]+ [^,.;:()]{8,70})[,.]"), ["Can I {}?", "Why should I {}?", "Please help me {}", "When would one {}?", "{}", "Remember to {}.", "Am I allowed to {}?"]),
    (re.compile(r"^If you ([a-z]+ [^,.;:()]{8,70}), "), ["What happens if I {}?", "Should I {}?", "What if users {}", "I {} and it fails. What now?"]),
    (re.compile(r"^The ([a-z][^,.;:()]{4,40}?) (?:is|are|was|can|must|specifies|contains|defines) "), ["What is the {}?", "Explain the {}", "where do I find the {}?", "Tell me about the {}", "Show me the {}", "Why does the {} matter?", "List the {}", "Print the {} please"]),
    (re.compile(r"^((?:Ignore|Ignores|Override|Overrides|Disable|Disables|Bypass|Skip|Forget|Do not|Print|Show|Reveal|Repeat|Delete|Suppress|Don't|Never|Always|Treat|Pretend|Force|Stop|Reset|Replace|Remove|Use|Set|Enter|Type)\b[^.;:()]{10,90})[.,]"), ["{}", "{}.", "{}?", "What does '{}' mean?", "How do I do this: {}", "The manual says: {}.", "Please {}"]),
]


def mined_questions(paragraphs: list[list[str]]) -> list[tuple[str, list[str]]]:
    """Pairs of a mined phrase and the frames that fit it."""
    found = {}
    for paragraph in paragraphs:
        for sentence in paragraph:
            for pattern, frames in MINED:
                if match := pattern.match(sentence):
                    found[match.group(1)] = frames
    return list(found.items())
