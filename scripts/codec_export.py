"""Export the newest checkpoint of a run (its averaged weights), and ship it on request.

    python scripts/codec_export.py --run run --out run/exported
    python scripts/codec_export.py --run run --out run/exported --ship

`--ship` writes the three files into `weights/soundstorm` as `codec-16k-*` and rewrites their hashes and sizes in
`models/catalog.py`. Evaluate first: `python scripts/codec_evaluate.py --audio data/heldout --codec run/exported`.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from pathlib import Path

import antiphon.models
from antiphon.codecs.neural.codec import MODEL
from antiphon.codecs.training.export import export
from antiphon.codecs.training.profiles import TrainConfig
from antiphon.codecs.training.trainer import Network
from antiphon.training import checkpoint, read_config

WEIGHTS = Path(__file__).parents[1] / "weights/soundstorm/antiphon_weights_soundstorm"
"""Where the package of our own weights lies; install it anew (`pip install ./weights/soundstorm`) after a change."""


def catalogued(text: str, file: str, blob: bytes) -> str:
    """The catalogue's text with this file's hash and size."""
    entry = re.compile(rf'("{re.escape(file)}",\s*)"[0-9a-f]*"(,\s*)[\d_]+')
    text, count = entry.subn(rf'\g<1>"{hashlib.sha256(blob).hexdigest()}"\g<2>{len(blob):_}', text)
    if count != 1:
        raise SystemExit(f"{file} is not in the catalogue; add an entry for it first")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ship", action="store_true")
    options = parser.parse_args()
    config = read_config(options.run, TrainConfig)
    newest = checkpoint.found(options.run)[-1]
    network = Network(config)
    network.load_state_dict(checkpoint.load(newest)["average"])
    paths = export(network.eval(), config.codec, options.out)
    print(f"{newest.name}: {', '.join(f'{name} {path.stat().st_size:_} bytes' for name, path in paths.items())}")
    if options.ship:
        shipped = export(network, config.codec, WEIGHTS, prefix=f"{MODEL}-")
        catalogue = Path(antiphon.models.__file__).parent / "catalog.py"
        text = catalogue.read_text()
        for path in shipped.values():
            text = catalogued(text, path.name, path.read_bytes())
        catalogue.write_text(text)


if __name__ == "__main__":
    main()
