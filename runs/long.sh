#!/bin/sh
# The long training in the background: on what scripts/voice_data.py wrote, at the lowest priority, for as long as you let
# it. Stop it with Ctrl-C or `kill`; the same command goes on from its last checkpoint, and prepares only what is new.
#
#   python scripts/voice_data.py recorded --out DATA
#   sh runs/long.sh DATA WORK_FOLDER                                  # small, to its end
#   PROFILE=tiny STEPS=6 sh runs/long.sh DATA WORK_FOLDER             # that it works
set -eu
data=${1:?give the folder that scripts/voice_data.py wrote}
work=${2:?give a folder for tokens and checkpoints}
profile=${PROFILE:-small}
storm="nice -n 19 python -m antiphon soundstorm"
export OMP_NUM_THREADS="${THREADS:-1}"

if [ ! -d "$data/train" ]; then
    echo "$data/train is not there: python scripts/voice_data.py recorded --out $data" >&2
    exit 1
fi
# Clusters are made once for all, for everything hangs on them.
if [ ! -f "$work/semantic/semantic.safetensors" ]; then
    $storm train semantic --profile "$profile" --data "$data/train" --out "$work/semantic"
fi
$storm prepare "$data/train" --codec speech --semantic "$work/semantic" --out "$work/tokens" --jobs "${JOBS:-1}"
exec $storm train generator --profile "$profile" --threads "${THREADS:-1}" --codec speech --data "$work/tokens" \
    --out "$work/generator" ${STEPS:+--steps "$STEPS"} --resume
