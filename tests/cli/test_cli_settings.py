"""Settings: strict, from a file and from the command line, with the nearest name for a wrong one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from antiphon.cli.settings import MAX_FILE_BYTES, applied
from antiphon.errors import InputError
from antiphon.soundstorm import DecodingOptions, GeneratorConfig, Layout, profile

LAYOUT = Layout(codec="any", vocabulary=(8, 8), frame_rate_hz=50.0)


class Training(msgspec.Struct, frozen=True, kw_only=True):
    RENAMED: ClassVar[Mapping[str, str]] = {"rate": "learning_rate"}

    generator: GeneratorConfig = profile("tiny", LAYOUT)
    data: str = "abc"
    batch: int = 4
    learning_rate: float = 1e-3
    joined: bool = True

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError("batch must be at least 1")


def refused(*pairs: str, file: Path | None = None) -> InputError:
    with pytest.raises(InputError) as raised:
        applied(Training(), file, pairs, fixed=("data", "generator.layout"))
    assert raised.value.hint
    return raised.value


def test_the_command_line_has_the_last_word(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("batch = 8\nlearning_rate = 1\n[generator]\ndropout = 0.3\nfusion = 'unet'\n")
    made = applied(Training(), tmp_path / "mine.toml", ("batch=16", "generator.dropout = 0", "joined=false"))
    assert (made.batch, made.learning_rate, made.joined) == (16, 1.0, False)
    assert (made.generator.dropout, made.generator.fusion, made.generator.layout) == (0.0, "unet", LAYOUT)


def test_a_file_with_the_former_name_of_a_setting_is_read(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(json.dumps({"rate": 0.5}))
    assert applied(Training(), tmp_path / "old.json", ()).learning_rate == 0.5


def test_a_list_of_numbers_needs_no_brackets_and_a_word_no_quotes() -> None:
    made = applied(DecodingOptions(), None, ("passes=4,1", "schedule=linear", "guided_levels=1"))
    assert made == DecodingOptions(passes=(4, 1), schedule="linear", guided_levels=1)
    assert applied(DecodingOptions(), None, ("passes=3",)).passes == (3,)


def test_a_runs_own_file_can_be_used_again_but_not_for_other_data(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(msgspec.json.encode(Training(batch=9)))
    assert applied(Training(), file, (), fixed=("data", "generator.layout")) == Training(batch=9)
    file.write_bytes(msgspec.json.encode(Training(data="other")))
    assert "data follows from the data" in str(refused(file=file))


@pytest.mark.parametrize(
    ("pair", "says", "hint"),
    [
        ("bacth=3", "no setting bacth", "Did you mean batch?"),
        ("generator.droput=0", "no setting generator.droput", "Did you mean generator.dropout?"),
        ("xyz=1", "no setting xyz", "There are generator, data"),
        ("batch=many", "Expected `int`, got `str`", ""),
        ("batch=1.5", "batch", ""),
        ("joined=1", "joined", ""),
        ("batch=0", "at least 1", ""),
        ("generator=3", "a table", "generator.NAME"),
        ("generator.fusion=other", "fusion", ""),
        ("generator.window=3", "window must be", ""),
        ("batch", "no setting", "NAME=VALUE"),
        ("=3", "no setting", "NAME=VALUE"),
        ("data=def", "follows", "Leave it out"),
    ],
)
def test_what_cannot_be_is_refused(pair: str, says: str, hint: str) -> None:
    error = refused(pair)
    assert says in str(error)
    assert hint in error.hint


@pytest.mark.parametrize(
    "content",
    [b"batch = ", b"\xff\xfe", b"[" * 100_000, b"x" * (MAX_FILE_BYTES + 1)],
    ids=["cut", "binary", "deep", "long"],
)
@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    file = tmp_path / f"mine{suffix}"
    file.write_bytes(content)
    refused(file=file)
    refused(file=tmp_path / "none.toml")
    file = tmp_path / "list.json"
    file.write_text(json.dumps([1]))
    assert "no table" in str(refused(file=file))
