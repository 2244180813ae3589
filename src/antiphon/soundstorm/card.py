"""The card of a generator: `README.md` with the front matter that model hubs read (metrics as `model-index`)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from antiphon.soundstorm.folder import CARD, FolderConfig
from antiphon.soundstorm.serving import WEIGHTS

HUB_LICENCES = frozenset({
    "apache-2.0", "mit", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0", "gpl-2.0", "gpl-3.0", "bsd-3-clause", "odc-by", "unlicense",
})  # fmt: skip
"""Those that hubs have a name for, of what models and recordings come under; others are `other`, with their name."""

HUB_METRICS = {"word error rate": "wer", "character error rate": "cer"}
"""Figures of ours that hubs know by another name."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of an evaluation. `value` None: it could not be measured."""

    name: str
    value: float | None
    unit: str = ""
    note: str = ""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What `antiphon soundstorm evaluate --json` writes."""

    generator: str
    codec: str
    tokenizer: str
    data: str  # name of the test set
    figures: tuple[Measured, ...]


class DataFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a token set holds. `licences`: seconds of each."""

    recordings: int
    speakers: int
    licences: Mapping[str, float]


def card(
    config: FolderConfig, licence: str, data: DataFacts | None = None, evaluation: Evaluation | None = None
) -> str:
    """The text of `README.md`. `licence`: under which the weights are given on."""
    parts = (_front(config, licence, evaluation), _body(config, licence), _learnt(config, data), _found(evaluation))
    return "\n".join((*parts, LIMITS))


def _front(config: FolderConfig, licence: str, evaluation: Evaluation | None) -> str:
    """YAML, of which JSON's strings and numbers are a part."""
    known = licence.lower() if licence.lower() in HUB_LICENCES else ""
    lines = ["---", f"license: {known or 'other'}"]
    if not known:
        lines += [f"license_name: {json.dumps(licence)}", f"license_link: {CARD}"]
    lines += ["library_name: antiphon", "pipeline_tag: text-to-speech", "tags:"]
    lines += [f"- {tag}" for tag in ("soundstorm", "audio", "onnx", "safetensors")]
    measured = [] if evaluation is None else [one for one in evaluation.figures if one.value is not None]
    if evaluation is not None and measured:
        lines += ["model-index:", f"- name: {json.dumps(config.name)}", "  results:"]
        lines += ["  - task:", "      type: text-to-speech", "      name: Text to Speech"]
        lines += [
            "    dataset:",
            f"      name: {json.dumps(evaluation.data)}",
            f"      type: {json.dumps(evaluation.data)}",
        ]
        lines += ["    metrics:"]
        for one in measured:
            name = f"{one.name} ({one.unit})" if one.unit else one.name
            lines += [
                f"    - type: {_metric(one.name)}",
                f"      name: {json.dumps(name)}",
                f"      value: {_number(one.value)}",
            ]
    return "\n".join((*lines, "---"))


def _number(value: float | None) -> str:
    """Without an exponent, which YAML reads as text."""
    return np.format_float_positional(value or 0.0, trim="0")


def _cell(text: str) -> str:
    """On one line, without what ends a cell."""
    return " ".join(text.split()).replace("|", "/")


def _metric(name: str) -> str:
    return HUB_METRICS.get(name) or re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _body(config: FolderConfig, licence: str) -> str:
    generator, layout = config.generator, config.generator.layout
    weights = config.files[WEIGHTS].bytes
    rows = {
        "What it is": f"A SoundStorm generator (arXiv:2305.09636): {generator.layers} Conformer layers of "
        f"{generator.dim}, objective {generator.objective}, levels joined by {generator.fusion}",
        "In": f"Semantic tokens of `{layout.semantic or 'a tokenizer that was not noted'}` "
        f"({layout.semantic_vocabulary} of them), and a prompt",
        "Out": f"Tokens of the codec `{layout.codec}`: {layout.levels} levels of {_sizes(layout.vocabulary)}, "
        f"{layout.frame_rate_hz:g} frames a second",
        "Files": f"`{WEIGHTS}` ({weights / 1e6:.1f} MB), and ONNX graphs (float32 and int8) that refer to it "
        "and must lie beside it",
        "Made by": f"Antiphon {config.antiphon_version}, {config.training.steps} steps, seed {config.training.seed}",
        "Licence": licence,
    }
    table = "\n".join(f"| {name} | {_cell(value)} |" for name, value in rows.items())
    return f"""# {config.name}

| | |
|---|---|
{table}

```python
from antiphon import soundstorm

generator = soundstorm.load("FOLDER")  # with codec= and tokenizer= it also checks that they are its own
```
"""


def _sizes(vocabulary: Sequence[int]) -> str:
    return str(vocabulary[0]) if len(set(vocabulary)) == 1 else ", ".join(map(str, vocabulary))


def _learnt(config: FolderConfig, data: DataFacts | None) -> str:
    lines = ["## Training data", "", f"Token set `{config.training.data}`."]
    if config.training.begun_with:
        lines += [f"It went on from the weights `{config.training.begun_with}`, and from what those had learnt of."]
    if data is None:
        return "\n".join((*lines, "What it holds was not told when this was exported.", ""))
    hours = sum(data.licences.values()) / 3600
    lines += [f"{data.recordings} recordings, {hours:.2f} h, {data.speakers} speakers.", ""]
    lines += ["| licence of recordings | hours |", "|---|---|"]
    lines += [f"| {_cell(name)} | {seconds / 3600:.2f} |" for name, seconds in sorted(data.licences.items())]
    return "\n".join((*lines, ""))


def _found(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "## Evaluation\n\nNone was given when this was exported.\n"
    lines = ["## Evaluation", "", f"On `{evaluation.data}`, by `antiphon soundstorm evaluate`.", ""]
    lines += ["| figure | value | note |", "|---|---|---|"]
    for one in evaluation.figures:
        value = "not measured" if one.value is None else f"{one.value:g} {one.unit}".strip()
        lines.append(f"| {_cell(one.name)} | {_cell(value)} | {_cell(one.note)} |")
    return "\n".join((*lines, ""))


LIMITS = """## Limits

- It works with the codec and the tokenizer named above and no others; loading checks both.
- It speaks as what it learnt from: other languages, noise and unlike voices come out worse, or not at all.
- It can speak in the voice of a prompt. **Not for** voices without their owners' consent.
- What does not stand under Evaluation was not measured.
"""
