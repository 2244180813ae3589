"""Every row of `antiphon soundstorm reproduce`, as small as it gets: real models, real training, real recognisers."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from antiphon.bench.reproducing.row import Row, qualities
from antiphon.bench.reproducing.rows import ROWS
from antiphon.cli import soundstorm_reproduce
from antiphon.cli.app import group
from antiphon.errors import InputError

PANELS = {
    "masking": {"tokens of a level not yet known, %", "words wrong, %", "likeness to the speaker, cosine"},
    "passes": {"words wrong, %", "likeness to the speaker, cosine", "seconds for a second of sound"},
    "objectives": {"words wrong, %", "likeness to the speaker, cosine", "distance from the recording, log-mel"},
    "fusion": {"held-out loss, nats a token", "words wrong, %", "distance from the recording, log-mel"},
    "parallel": {
        "words wrong, %",
        "likeness to the speaker, cosine",
        "distance from the recording, log-mel",
        "seconds for a second of sound",
    },
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reproduced")


@pytest.mark.slow
@pytest.mark.speaks
@pytest.mark.parametrize("row", soundstorm_reproduce.ROWS)
def test_a_row_gives_its_curves_as_json_and_as_a_chart(row: str, out: Path) -> None:
    pytest.importorskip("torch")
    small = ["--clips", "1", "--passes", "4", "--long", "2", "--sentences", "20", "--steps", "2"]
    made = CliRunner().invoke(
        group, ["soundstorm", "reproduce", row, "--out", str(out), *small], catch_exceptions=False
    )
    assert made.exit_code == 0, made.output
    found = json.loads((out / f"{row}.json").read_text())
    assert {panel["y"] for panel in found["panels"]} >= PANELS[row] - {"likeness to the speaker, cosine"}
    assert {panel["y"] for panel in found["panels"]} <= PANELS[row]  # no likeness where no speech was heard
    for panel in found["panels"]:
        assert len(panel["curves"]) >= 2 or panel["y"].startswith("likeness")
    svg = ElementTree.parse(out / f"{row}.svg")
    words = {element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {panel["y"] for panel in found["panels"]} <= words


def test_the_command_knows_every_row() -> None:
    assert set(soundstorm_reproduce.ROWS) == set(ROWS)


@pytest.mark.parametrize(("passes", "says"), [("4,many", "no list"), ("0,4", "not within"), ("501", "not within")])
def test_passes_that_are_none_are_refused_before_anything_is_made(passes: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        CliRunner().invoke(
            group,
            ["soundstorm", "reproduce", "passes", "--out", str(tmp_path / "x"), "--passes", passes],
            catch_exceptions=False,
            standalone_mode=False,
        )
    assert not (tmp_path / "x").exists()


def test_a_quality_that_was_not_measured_has_no_panel() -> None:
    found = {"a": {7: {"wer": 3.0}, 4: {"wer": 5.0}}, "b": {4: {"wer": 6.0, "mel": 0.5}}}
    panels = qualities(found, "passes", ("wer", "likeness", "mel"))
    assert [panel.curves for panel in panels] == [
        {"a": [(4.0, 5.0), (7.0, 3.0)], "b": [(4.0, 6.0)]},
        {"b": [(4.0, 0.5)]},
    ]
    assert Row(name="n", title="t", models={}, panels=panels, figures=[]).version
