#!/bin/sh
# One short training of a generator on a rented GPU: tokens go there as one file, weights come back in small ones.
#
#   sh runs/gpu.sh pack TOKENS FILE            # here: a token set as one file of at most 50 MiB
#   sh runs/gpu.sh train FILE OUT [OPTIONS]    # there: 8 minutes, a checkpoint a minute; parts of at most 16 MiB in OUT
#   sh runs/gpu.sh unpack OUT FOLDER           # here: the exported generator and the run's log
#
# OPTIONS are those of `antiphon soundstorm train generator`; without any it is the profile small. Its cosine ends after
# STEPS steps: choose about as many as the machine makes in MINUTES (log.jsonl tells steps a second). What the average
# of the weights is when the minutes are over comes back as a model. Started again with a WORK folder that lasted it
# goes on from there. PROCESSES is the number of GPUs.
set -eu
command=${1:?give pack, train or unpack}

case $command in
pack)
    tokens=${2:?give a token set} file=${3:?give a file}
    tar -C "$tokens" -czf "$file" .
    size=$(wc -c <"$file")
    if [ "$size" -gt $((50 * 1024 * 1024)) ]; then
        rm "$file"
        echo "$tokens makes a file of $((size / 1024 / 1024)) MiB, over 50. Prepare fewer recordings." >&2
        exit 1
    fi
    echo "Packed      $file, $((size / 1024)) KiB"
    ;;
train)
    file=${2:?give a packed token set} out=${3:?give a folder for what comes back}
    shift 3
    work=${WORK:-$out.work} minutes=${MINUTES:-8} processes=${PROCESSES:-1}
    mkdir -p "$work/tokens" "$out"
    tar -C "$work/tokens" -xzf "$file"
    storm="-m antiphon soundstorm train generator"
    run="python $storm"
    if [ "$processes" -gt 1 ]; then
        run="python -m torch.distributed.run --standalone --nproc-per-node $processes $storm"
    fi
    [ $# -gt 0 ] || set -- --profile small --steps "${STEPS:-6000}"
    $run --data "$work/tokens" --out "$work/run" --resume --minutes "$minutes" --save-minutes 1 "$@"
    rm -f "$out"/part-*
    tar -C "$work/run" -cf - config.json log.jsonl exported | split -b 16777216 - "$out/part-"
    (cd "$out" && sha256sum part-* >sums.txt)
    echo "Parts       $(find "$out" -name 'part-*' | wc -l) in $out"
    ;;
unpack)
    out=${2:?give the folder with the parts} folder=${3:?give a folder}
    (cd "$out" && sha256sum --quiet -c sums.txt)
    mkdir -p "$folder"
    cat "$out"/part-* | tar -C "$folder" -xf -
    echo "Unpacked    $folder"
    ;;
*)
    echo "There is no $command: give pack, train or unpack." >&2
    exit 2
    ;;
esac
