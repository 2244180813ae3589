"""Prepare audio and train the codec; the same command again resumes at the newest checkpoint.

python scripts/codec_train.py prepare --audio data/train --prepared cache
python scripts/codec_train.py train --prepared cache --out run --profile small
"""

from __future__ import annotations

import argparse
import copy
import logging
import tempfile
from pathlib import Path

import msgspec
import torch

from antiphon.codecs.neural import load
from antiphon.codecs.neural.layout import CodecConfig
from antiphon.codecs.training import data, profile, run
from antiphon.codecs.training.export import export
from antiphon.codecs.training.trainer import Network
from antiphon.training.loop import Evaluate


def validation(folder: Path, clips: int, config: CodecConfig) -> Evaluate:
    """DistillMOS, STOI, mel distance and codebook use of the averaged weights over the speakers of `folder`."""
    from codec_evaluate import evaluate

    def measure(average: Network, _step: int) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as scratch:
            export(copy.deepcopy(average).cpu(), config, Path(scratch))
            summary = evaluate(load(Path(scratch)), folder, clips, words=False, save=None)
        names = ("mos_original", "mos", "stoi", "mel")
        return {f"valid_{name}": float(str(summary[name])) for name in names}

    return measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=("prepare", "train"))
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--profile", default="small")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--valid", type=Path)
    parser.add_argument("--valid-every", type=int, default=1_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    config = profile(options.profile)
    if options.steps:
        config = msgspec.structs.replace(config, steps=options.steps)
    if options.stage == "prepare":
        report = data.prepare(options.audio, options.prepared, config.codec, copies=config.copies, seed=config.seed)
        logging.info("%d clips, bad: %s", len(report["clips"]), report["bad"])  # type: ignore[arg-type]
    else:
        measure = validation(options.valid, 3, config.codec) if options.valid else None
        run(
            config,
            options.prepared,
            options.out,
            report=lambda line: logging.info("%s", line),
            evaluate=measure,
            evaluate_every=options.valid_every,
        )


if __name__ == "__main__":
    main()
