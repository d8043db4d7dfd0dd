#!/bin/sh
# Trains starter-embed from start to end; run again to resume where it stopped. README.md names the three folders it reads.
set -eu
recipe="$(dirname "$0")"
work="${WEIR_TRAIN_WORK:-training}"
[ -s "$work/paragraphs.jsonl" ] || python "$recipe/corpus.py"
[ -s "$work/counts.npy" ] || python "$recipe/added.py"
[ -s "$work/distilled.npy" ] || python "$recipe/distill.py"
python "$recipe/teach.py"
python "$recipe/train.py"
python "$recipe/export.py"
python "$recipe/evaluate.py"
