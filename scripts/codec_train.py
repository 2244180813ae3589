"""Prepare audio and train the codec; the same command again resumes at the newest checkpoint.

python scripts/codec_train.py prepare --audio data/train --prepared cache
python scripts/codec_train.py train --prepared cache --out run --profile small
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import msgspec
import torch

from antiphon.codecs.training import data, profile, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=("prepare", "train"))
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--profile", default="small")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=2)
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
        run(config, options.prepared, options.out, report=lambda line: logging.info("%s", line))


if __name__ == "__main__":
    main()
