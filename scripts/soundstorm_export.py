"""Export the starter models of SoundStorm side by side, and ship them on request.

    python scripts/soundstorm_export.py --semantic work/semantic --generator work/generator --text work/text \
        --audio work/data/train --out work/exported
    python scripts/soundstorm_export.py ... --ship
    python scripts/soundstorm_export.py --int8-anew

The newest checkpoints' averaged weights. `--ship` writes the files into `weights/soundstorm` as `soundstorm-16k-*` and
rewrites their hashes and sizes in `models/catalog.py`. The codec is the one that ships (`codec_export.py`).
`--int8-anew` only writes the int8 graph that ships again, from the weights that ship.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from codec_export import WEIGHTS, catalogued

import antiphon.models
from antiphon.analysis.features import RATE_HZ
from antiphon.audio import read, resample
from antiphon.codecs import neural
from antiphon.engines.soundstorm import prompts, voices
from antiphon.soundstorm import semantic, serving, starter, text, windows
from antiphon.soundstorm.training import export as generators
from antiphon.soundstorm.training import text_export as texts
from antiphon.soundstorm.training.profiles import TrainConfig
from antiphon.soundstorm.training.text_profiles import TextTrainConfig
from antiphon.soundstorm.training.text_trainer import TextTrainer
from antiphon.soundstorm.training.trainer import Trainer
from antiphon.training import checkpoint, read_config

SPEAKERS = {
    "aspen": "kokoro-af_heart",
    "birch": "kokoro-am_onyx",
    "cedar": "kokoro-am_fenrir",
    "hazel": "kokoro-af_sarah",
    "rowan": "kokoro-am_puck",
    "willow": "kokoro-af_kore",
}
"""Whose speech a built-in voice is prompted with."""


def _prompt(folder: Path, speaker: str, models: starter.Starter) -> windows.Prompt:
    """Of a speaker's longest clip."""
    clip = max((folder / speaker).glob("*.wav"), key=lambda path: (path.stat().st_size, path.name))
    signal = resample(read(clip).mono(), RATE_HZ).samples[0]
    return prompts.heard(prompts.levelled(prompts.best_stretch(signal)), models)


def _export(options: argparse.Namespace, out: Path, prefix: str) -> list[Path]:
    """All files that ship, the prompts last: they are made with the others."""
    trainer = Trainer(read_config(options.generator, TrainConfig))
    trainer.restore(checkpoint.load(checkpoint.found(options.generator)[-1]))
    stage = TextTrainer(read_config(options.text, TextTrainConfig))
    stage.restore(checkpoint.load(checkpoint.found(options.text)[-1]))
    print(f"generator at step {trainer.step}, text stage at step {stage.step}")
    generators.export(trainer.average, out, prefix=prefix)
    texts.export(stage.average, None, out, prefix=prefix)
    clusters = out / f"{prefix}semantic.safetensors"
    semantic.load(options.semantic / "semantic.safetensors").save(clusters)
    models = starter.Starter(
        neural.load(),
        semantic.load(clusters),
        serving.load(out, prefix=prefix),
        text.load(out, prefix=prefix),
    )
    made = {name: _prompt(options.audio, speaker, models) for name, speaker in SPEAKERS.items()}
    (out / f"{prefix}{voices.FILE}").write_bytes(voices.dump(made))
    return sorted(out.glob(f"{prefix}*"))


def _int8_anew() -> None:
    graph = WEIGHTS / f"{starter.MODEL}-{serving.GRAPHS['int8']}"
    generators.int8_anew(graph.with_name(f"{starter.MODEL}-{serving.WEIGHTS}"), graph)
    catalogue = Path(antiphon.models.__file__).parent / "catalog.py"
    catalogue.write_text(catalogued(catalogue.read_text(), graph.name, graph.read_bytes()))
    print(f"{graph}: {graph.stat().st_size:_} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("semantic", "generator", "text", "audio"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--ship", action="store_true")
    parser.add_argument("--int8-anew", action="store_true")
    options = parser.parse_args()
    if options.int8_anew:
        _int8_anew()
        return
    if missing := [name for name in ("semantic", "generator", "text", "audio") if getattr(options, name) is None]:
        parser.error(f"give --{', --'.join(missing)}")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        for path in _export(options, options.out, ""):
            print(f"{path}: {path.stat().st_size:_} bytes")
    if options.ship:
        catalogue = Path(antiphon.models.__file__).parent / "catalog.py"
        entries = catalogue.read_text()
        prefix = f"{starter.MODEL}-"
        for path in _export(options, WEIGHTS, prefix):
            if path.suffix != ".md":
                entries = catalogued(entries, path.name, path.read_bytes())
        catalogue.write_text(entries)


if __name__ == "__main__":
    main()
