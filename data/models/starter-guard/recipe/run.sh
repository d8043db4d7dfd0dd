#!/bin/sh
# Trains starter-guard; starter-embed's run.sh comes first and leaves its table and corpus in the same WEIR_TRAIN_WORK folder.
set -eu
recipe="$(dirname "$0")"
python "$recipe/train.py"
python "$recipe/export.py"
python "$recipe/evaluate.py"
