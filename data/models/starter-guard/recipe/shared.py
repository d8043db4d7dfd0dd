"""What the guard borrows from the embedder's recipe next door."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "starter-embed" / "recipe"))

from corpus import Blocks, read_paragraphs  # noqa: E402
from export import lookup_nodes, quantise, save_model, text_inputs, tokenizer_config, write_json  # noqa: E402
from paths import DATA, DOCS, MODELS, WORK  # noqa: E402
from sentences import everyday  # noqa: E402
from student import CLS, PAD, Vocabulary, encode_texts, save_tokenizer  # noqa: E402
from teach import banking77_train, stsb_train  # noqa: E402

LANGUAGES = ("de", "es", "fr", "it", "pt_BR", "nl", "ru", "sv", "pl", "cs", "da", "ja", "zh_CN", "tr")


def foreign_blocks() -> list[str]:
    """Paragraphs of the desktop help in other languages, so that a language is no sign of an attack."""
    found: list[str] = []
    for language in LANGUAGES:
        for path in sorted(DOCS.glob(f"usr/share/help/{language}/gnome-help/*.page"))[:120]:
            parser = Blocks()
            parser.feed(path.read_text(encoding="utf-8", errors="ignore"))
            parser.flush()
            found += [text for text in parser.found if 20 < len(text) < 600]
    return found


__all__ = [
    "CLS", "DATA", "MODELS", "PAD", "WORK", "Vocabulary", "banking77_train", "encode_texts", "everyday", "foreign_blocks",
    "lookup_nodes", "quantise", "read_paragraphs", "save_model", "save_tokenizer", "stsb_train", "text_inputs", "tokenizer_config", "write_json",
]
