#!/bin/sh
# The paper's sizes (354M parameters, 12 levels at 50 Hz, 25 semantic tokens a second) on a corpus of yours, such as Libri-Light or
# LibriTTS, with as many processes as the machine has sockets. On CPUs this takes months: it is here so that the same
# commands serve when the machine is larger.
#
#   PROCESSES=8 sh runs/paper.sh FOLDER_OF_TRAINING_AUDIO FOLDER_OF_TEST_AUDIO WORK_FOLDER
set -eu
train=${1:?give a folder of training audio}
test=${2:?give a folder of test audio}
work=${3:?give a folder for data and checkpoints}
processes=${PROCESSES:-2}
storm="python -m antiphon soundstorm"
together="torchrun --nproc-per-node $processes -m antiphon soundstorm"

if [ ! -f "$work/semantic/semantic.safetensors" ]; then
    $storm train semantic --profile paper --data "$train" --out "$work/semantic"
fi
$storm train codec --profile paper --data "$train" --out "$work/codec" --resume
$storm prepare "$train" --codec "$work/codec/exported" --semantic "$work/semantic" --out "$work/tokens" \
    --jobs "$processes"
$together train generator --profile paper --data "$work/tokens" --out "$work/generator" --resume
$together train text --profile paper --kind autoregressive --data "$work/tokens" --out "$work/text" --resume

common="--codec $work/codec/exported --semantic $work/semantic --generator $work/generator --clips 200"
$storm evaluate "$test" $common --json "$work/semantic-to-speech.json"
$storm evaluate "$test" $common --text "$work/text" --json "$work/text-to-speech.json"
