#!/bin/sh
# The same recipe in a minute, on any folder of audio: it proves that every stage runs, not that the result sounds good.
#
#   sh runs/codec-tiny.sh FOLDER_OF_AUDIO WORK_FOLDER
set -eu
audio=${1:?give a folder of audio}
work=${2:?give a folder for checkpoints}
here=$(cd "$(dirname "$0")/.." && pwd)

python "$here/scripts/codec_train.py" prepare --profile tiny --audio "$audio" --prepared "$work/prepared"
python "$here/scripts/codec_train.py" train --profile tiny --prepared "$work/prepared" --out "$work/run"
python "$here/scripts/codec_export.py" --run "$work/run" --out "$work/exported"
python "$here/scripts/codec_evaluate.py" --audio "$audio" --codec "$work/exported" --clips 2 --no-words
