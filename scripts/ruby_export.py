"""Export Ruby from the newest checkpoint of a training: `python scripts/ruby_export.py RUN OUT [--ship]`.

`--ship` writes the files into `weights/ruby` as `ruby-1-*` and rewrites their hashes and sizes in `models/catalog.py`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from codec_export import catalogued

import antiphon.models
from antiphon.ruby import starter
from antiphon.ruby.training.trainer import Trainer
from antiphon.soundstorm.serving import GRAPHS
from antiphon.soundstorm.training.export import export
from antiphon.soundstorm.training.profiles import TrainConfig
from antiphon.training import checkpoint, read_config

WEIGHTS = Path(__file__).parents[1] / "weights" / "ruby" / "antiphon_weights_ruby"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--ship", action="store_true")
    given = parser.parse_args()
    trainer = Trainer(read_config(given.run, TrainConfig))
    trainer.restore(checkpoint.load(checkpoint.found(given.run)[-1]))
    print(f"step {trainer.step}")
    export(trainer.average, given.out)
    if given.ship:
        WEIGHTS.mkdir(parents=True, exist_ok=True)
        catalogue = Path(antiphon.models.__file__).parent / "catalog.py"
        text = catalogue.read_text()
        for name, path in export(trainer.average, WEIGHTS, prefix=f"{starter.MODEL}-").items():
            if name == GRAPHS["int8"]:  # it saves no time at this size
                path.unlink()
            else:
                text = catalogued(text, path.name, path.read_bytes())
                print(f"{path}: {path.stat().st_size:_} bytes")
        catalogue.write_text(text)


if __name__ == "__main__":
    main()
