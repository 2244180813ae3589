#!/bin/sh
# The starter models, from packages to figures, on two cores. The codec is the one that ships; runs/codec-small.sh
# makes it anew, and the audio with it. Stop with Ctrl-C whenever you like: the same command goes on where it was.
#
#   sh runs/codec-small.sh WORK_FOLDER       # once, at least until WORK_FOLDER/data is there
#   sh runs/small.sh WORK_FOLDER
set -eu
work=${1:?give a folder with data/train and data/heldout}
storm="python -m antiphon soundstorm"
together="torchrun --nproc-per-node 2 -m antiphon soundstorm"
export OMP_NUM_THREADS=1

if [ ! -f "$work/semantic/semantic.safetensors" ]; then
    $storm train semantic --profile small --data "$work/data/train" --out "$work/semantic"
fi
$storm prepare "$work/data/train" --codec speech --semantic "$work/semantic" --out "$work/tokens" --jobs 2
$together train generator --profile small --threads 1 --data "$work/tokens" --out "$work/generator" --resume
$together train text --profile small --threads 1 --data "$work/tokens" --out "$work/text" --resume

common="--codec speech --semantic $work/semantic --generator $work/generator --clips 60"
$storm evaluate "$work/data/heldout" $common --json "$work/semantic-to-speech.json"
$storm evaluate "$work/data/heldout" $common --text "$work/text" --json "$work/text-to-speech.json"
