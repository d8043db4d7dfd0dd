"""Where the recipes read and write; every folder can be moved by an environment variable."""

import os
from pathlib import Path

RECIPE = Path(__file__).resolve().parent
MODELS = RECIPE.parents[1]
"""The folder that holds starter-embed and starter-guard."""

WORK = Path(os.environ.get("WEIR_TRAIN_WORK", "training")).resolve()
"""Checkpoints and intermediate files, outside the repository."""

DOCS = Path(os.environ.get("WEIR_TRAIN_DOCS", "documentation")).resolve()
"""Unpacked documentation packages (see the model card)."""

DATA = Path(os.environ.get("WEIR_TRAIN_DATA", "../shared/data")).resolve()
"""The folders stsb, banking77, cisi, xquad and prompt-injection."""

WORK.mkdir(parents=True, exist_ok=True)
