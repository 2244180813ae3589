#!/bin/sh
# The starter models, from packages to figures, on two cores. The codec is the one that ships; runs/codec-small.sh
# makes it anew, and the first part of the audio with it. Stop with Ctrl-C whenever you like: the same command goes on
# where it was.
#
#   sh runs/codec-small.sh WORK_FOLDER       # once, at least until WORK_FOLDER/data is there
#   sh runs/small.sh WORK_FOLDER
set -eu
work=${1:?give a folder with data/train and data/heldout}
here=$(cd "$(dirname "$0")/.." && pwd)
storm="python -m antiphon soundstorm"
together="torchrun --nproc-per-node 2 -m antiphon soundstorm"
export OMP_NUM_THREADS=1

if [ ! -d "$work/data/train/hibari" ]; then
    mkdir -p "$work/packages" "$work/debian"
    (cd "$work/packages" && apt-get download wordnet-base)
    dpkg-deb -x "$work/packages"/wordnet-base_*.deb "$work/debian"
    for voices in "kokoro --hours 1.5 --workers 2" "hibari --hours 2.5 --workers 1" resampled; do
        # shellcheck disable=SC2086  # words of their own
        python "$here/scripts/generator_data.py" $voices --wordnet "$work/debian/usr/share/wordnet" --out "$work/data"
    done
fi
if [ ! -f "$work/semantic/semantic.safetensors" ]; then
    $storm train semantic --profile small --data "$work/data/train" --out "$work/semantic"
fi
python "$here/scripts/voice_data.py" recorded --out "$work/data"
python "$here/scripts/voice_data.py" varied --out "$work/data"
$storm prepare "$work/data/train" --codec speech --semantic "$work/semantic" --out "$work/tokens" --jobs 2
# A new generator makes coarse levels first. The one that ships goes on with `--begin-with` its safetensors file.
# Hibari's few resampled voices serve the text stage; the generator hears it as it is, and every other clip in a voice of its own.
$together train generator --profile small --threads 1 --codec speech --data "$work/tokens" --without 'hibari-at-[01]*' --revoiced \
    --out "$work/generator" --resume
$storm train text --profile small --data "$work/tokens" --out "$work/text" --resume

common="--codec speech --semantic $work/semantic --generator $work/generator --clips 60"
$storm evaluate "$work/data/heldout" $common --json "$work/semantic-to-speech.json"
$storm evaluate "$work/data/heldout" $common --text "$work/text" --json "$work/text-to-speech.json"
python "$here/scripts/soundstorm_export.py" --semantic "$work/semantic" --generator "$work/generator" \
    --text "$work/text" --audio "$work/data/train" --out "$work/exported"
