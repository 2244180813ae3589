#!/bin/sh
# The codec that ships, from packages to exported model. The data takes an hour on two cores, the training as long as
# you let it: stop it with Ctrl-C, and the same command goes on where it was.
#
#   sh runs/codec-small.sh WORK_FOLDER
set -eu
work=${1:?give a folder for data and checkpoints}
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$work/debian" "$work/packages"

if [ ! -f "$work/prepared/clips.json" ]; then
    (cd "$work/packages" && apt-get download \
        asterisk-core-sounds-en-g722 asterisk-core-sounds-es-g722 asterisk-core-sounds-fr-g722 \
        asterisk-core-sounds-it-g722 asterisk-core-sounds-ru-g722 asterisk-core-sounds-en pocketsphinx-testdata)
    for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$work/debian"; done
    python "$here/scripts/codec_data.py" recorded --debian "$work/debian" --out "$work/data"
    python "$here/scripts/codec_data.py" spoken --out "$work/data" --minutes 65 --workers 2
    python "$here/scripts/codec_train.py" prepare --audio "$work/data/train" --prepared "$work/prepared"
fi

OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 "$here/scripts/codec_train.py" train --threads 1 \
    --profile small --prepared "$work/prepared" --out "$work/run" --valid "$work/data/valid"
python "$here/scripts/codec_export.py" --run "$work/run" --out "$work/exported"
python "$here/scripts/codec_evaluate.py" --audio "$work/data/heldout" --codec "$work/exported"
