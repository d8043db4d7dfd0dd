"""The student: a WordPiece vocabulary and one vector per entry; a text is the mean of its entries."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from paths import WORK
from teacher import teacher_tokenizer

DIMENSIONS = 256
PAD, UNK, CLS = 0, 1, 2
SPECIAL = ["[PAD]", "[UNK]", "[CLS]"]
MAX_TOKENS = 2048


@dataclass
class Vocabulary:
    """Pieces by id: three specials, the teacher's pieces in its order (about by frequency), then words we added."""

    pieces: list[str]

    @staticmethod
    def of_teacher(added: list[str]) -> "Vocabulary":
        """The teacher's pieces without its unused slots and special tokens, then the added words."""
        tokens = sorted(teacher_tokenizer().get_vocab().items(), key=lambda item: item[1])
        kept = [piece for piece, _ in tokens if not piece.startswith("[")]
        known = set(kept)
        return Vocabulary([*SPECIAL, *kept, *(word for word in added if word not in known)])

    @staticmethod
    def load() -> "Vocabulary":
        path = WORK / "vocabulary.txt"
        if not path.exists():
            added = WORK / "added-words.txt"
            words = added.read_text().split() if added.exists() else []
            path.write_text("\n".join(Vocabulary.of_teacher(words).pieces))
        return Vocabulary(path.read_text().split("\n"))

    @property
    def used(self) -> np.ndarray:
        """False for the special entries, whose rows stay zero."""
        return np.arange(len(self.pieces)) >= len(SPECIAL)

    def texts(self) -> list[str]:
        """Each piece as text the teacher can read."""
        return [piece.removeprefix("##") for piece in self.pieces]

    def frequency(self) -> np.ndarray:
        """Expected share of each entry in text; counted when the corpus was counted, else Zipf's law over the order."""
        counted = WORK / "counts.npy"
        rank = np.arange(len(self.pieces)) + 1.0
        zipf = 1 / rank
        zipf /= zipf.sum()
        if not counted.exists():
            return zipf
        counts = np.load(counted) + 1e6 * zipf * 0.2
        return counts / counts.sum()

    def tokenizer(self) -> Tokenizer:
        """Lower-casing WordPiece; one [CLS] in front, so that the empty text has a vector too."""
        tokenizer = Tokenizer(
            models.WordPiece(
                {piece: index for index, piece in enumerate(self.pieces)},
                unk_token="[UNK]",
                continuing_subword_prefix="##",
                max_input_chars_per_word=100,
            )
        )
        tokenizer.add_special_tokens(SPECIAL)
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A", pair="[CLS] $A $B", special_tokens=[("[CLS]", CLS)]
        )
        return tokenizer


def embed(table: np.ndarray, ids: list[list[int]]) -> np.ndarray:
    """Unit vectors `[texts × dimensions]`: the mean of each text's rows, normalised."""
    vectors = np.stack([table[row].mean(0) if row else np.zeros(table.shape[1]) for row in ids])
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def encode_texts(tokenizer: Tokenizer, texts: list[str], limit: int = MAX_TOKENS) -> list[list[int]]:
    """Token ids of texts, cut at the model's limit."""
    return [encoded.ids[:limit] for encoded in tokenizer.encode_batch(texts)]


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Writes tokenizer.json in the layout transformers.js reads."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
