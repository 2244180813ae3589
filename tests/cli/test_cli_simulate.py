"""`antiphon simulate` as a user runs it."""

from __future__ import annotations

import json

import msgspec
import pytest
from click.testing import CliRunner

from antiphon.cli.simulate import simulate
from antiphon.errors import InputError, OutputError
from antiphon.simulation.charts import draw
from antiphon.simulation.strategies import DISHONEST
from antiphon.simulation.study import Study


def ran(*arguments: str) -> str:
    found = CliRunner().invoke(simulate, list(arguments))
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.output


def test_everybody_is_there_by_default_and_the_figures_are_repeatable():
    one, two = (json.loads(ran("--nodes", "400", "--epochs", "2", "--json")) for _ in range(2))
    assert one == two
    assert {row["strategy"] for row in one["earned"]} == {"honest", *DISHONEST}
    assert one["clients_paid_nano"] > 0
    assert one["counts"]["parts"] == 2 * 33


def test_named_strategies_have_the_share_that_is_asked_for():
    told = ran("--nodes", "40", "--epochs", "2", "--strategy", "result-copier=0.5", "--strategy", "lazy")
    keys = {line.split()[0]: int(line.split()[2]) for line in told.splitlines() if " processor " in line}
    assert keys == {"honest": 15, "result-copier": 15}
    assert "Honest work fined" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--nodes", "0"], "too small"),
        (["--nodes", "40", "--epochs", "0"], "0 epochs"),
        (["--strategy", "whitewash"], "Did you mean whitewasher"),
        (["--strategy", "lazy=some"], "no share"),
        (["--strategy", "lazy=1"], "share of 1"),
        (["--profile", "yuma4"], "Did you mean yuma3"),
    ],
)
def test_what_cannot_be_is_said(arguments: list[str], told: str):
    with pytest.raises(InputError, match=told):
        ran(*arguments)


def test_charts_are_drawn_and_the_study_gives_the_same_bytes_again(tmp_path):
    ran("--nodes", "120", "--epochs", "5", "--plots", str(tmp_path / "one"))
    study = msgspec.json.decode((tmp_path / "one" / "study.json").read_bytes(), type=Study)
    assert [one.strategy for one in study.comparisons] == list(DISHONEST)
    draw(study, tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == [
        *(f"{name}.svg" for name in ("copying", "profits", "quorum", "sampling", "shares", "stake")),
        "study.json",
        "worlds.svg",
    ]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_charts_name_what_is_in_their_way(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        ran("--nodes", "80", "--epochs", "5", "--plots", str(tmp_path / "file" / "charts"))
    with pytest.raises(InputError, match="every strategy"):
        ran("--strategy", "lazy", "--plots", str(tmp_path))
