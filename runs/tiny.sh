#!/bin/sh
# From recordings to a speaking model in a minute, on any folder of SPEAKER/NAME.wav with NAME.txt beside: it proves
# that every stage runs and fits the next, not that the result sounds good.
#
#   sh runs/tiny.sh FOLDER_OF_AUDIO WORK_FOLDER
set -eu
audio=${1:?give a folder of audio}
work=${2:?give a folder for data and checkpoints}
storm="python -m antiphon soundstorm"

# Started again, it goes on where it was; only the clusters are made once for all, for everything hangs on them.
if [ ! -f "$work/semantic/semantic.safetensors" ]; then
    $storm train semantic --profile tiny --data "$audio" --out "$work/semantic"
fi
$storm train codec --profile tiny --threads 1 --data "$audio" --out "$work/codec" --resume
$storm prepare "$audio" --codec "$work/codec/exported" --semantic "$work/semantic" --out "$work/tokens"
$storm train generator --profile tiny --threads 1 --data "$work/tokens" --out "$work/generator" --resume
$storm train text --profile tiny --steps 60 --threads 1 --data "$work/tokens" --out "$work/text" --resume
$storm evaluate "$audio" --codec "$work/codec/exported" --semantic "$work/semantic" \
    --generator "$work/generator" --text "$work/text" --clips 2 --long 0 --json "$work/figures.json"
rm -rf "$work/model"
$storm export "$work/generator" "$work/model" --licence other --data "$work/tokens" --evaluation "$work/figures.json"
