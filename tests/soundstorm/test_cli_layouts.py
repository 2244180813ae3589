"""`antiphon soundstorm import` and `export-data`: there and back, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from antiphon.cli.soundstorm import soundstorm
from antiphon.errors import AntiphonError
from antiphon.soundstorm.data import Shards

LIST = (
    "item_name\tsemantic_audio\tphone_sequence\ttext\n"
    "6209_a\t63 63 991 864\tY UW1 | SH UH1 D\tYou should.\n"
    "14_b\t5 6\t\t\n"
    "lost_c\t1 2 3\t\t\n"
)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(soundstorm, [str(one) for one in arguments])


def failed(*arguments: object) -> str:
    error = call(*arguments).exception
    assert isinstance(error, AntiphonError), error
    return str(error)


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """As `get_semantic_token.py` and `get_acoustic_token.py` leave it: `[levels, 1, frames]` int64, one codec."""
    folder = tmp_path / "dump" / "train"
    (folder / "acoustic_token" / "hificodec").mkdir(parents=True)
    (folder / "semantic_token").mkdir()
    (folder / "semantic_token.tsv").write_text(LIST)
    np.save(folder / "acoustic_token" / "hificodec" / "6209_a.npy", np.arange(16).reshape(4, 1, 4))
    np.save(folder / "acoustic_token" / "hificodec" / "14_b.npy", np.arange(8).reshape(4, 1, 2) + 1000)
    return folder


def test_a_dump_becomes_a_token_set_and_goes_back(dump: Path, tmp_path: Path):
    asked = ("--codec", "hificodec", "--groups", 2, "--speaker-ends", "_", "--licence", "CC-BY-4.0")
    result = call("import", dump, "--out", tmp_path / "set", *asked)
    assert result.exit_code == 0, result.output
    tokens = Shards(tmp_path / "set")
    assert (len(tokens), tokens.codec.name, tokens.codec.depth) == (2, "hificodec", (0, 1, 0, 1))
    assert {tokens.entry(n).speaker for n in range(2)} == {"6209", "14"}
    entry = next(tokens.entry(n) for n in range(2) if tokens.entry(n).speaker == "6209")
    assert (entry.text, entry.phonemes, entry.licence, entry.seconds) == (
        "You should.", "Y UW1 | SH UH1 D", "CC-BY-4.0", 0.08,
    )  # fmt: skip
    result = call("export-data", tmp_path / "set", tmp_path / "back")
    assert result.exit_code == 0, result.output
    lines = (tmp_path / "back" / "semantic_token.tsv").read_text().splitlines()
    assert sorted(lines[1:]) == sorted(LIST.splitlines()[1:3])
    back = np.load(tmp_path / "back" / "acoustic_token" / "hificodec" / "6209_a.npy")
    np.testing.assert_array_equal(back, np.arange(16).reshape(4, 4))
    again = call("import", tmp_path / "back", "--out", tmp_path / "again", *asked)
    assert again.exit_code == 0, again.output
    for number in range(2):
        for one, other in zip(tokens.native(number), Shards(tmp_path / "again").native(number), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_torch_file_is_read_and_written(dump: Path, tmp_path: Path):
    torch = pytest.importorskip("torch")
    arrays = dump / "acoustic_token" / "hificodec"
    kept = {path.stem: torch.from_numpy(np.load(path)) for path in arrays.iterdir()}
    torch.save(kept, tmp_path / "hificodec.pth")
    result = call(
        "import", dump / "semantic_token.tsv", tmp_path / "hificodec.pth", "--out", tmp_path / "set", "--codec", "h"
    )
    assert result.exit_code == 0, result.output
    assert call("export-data", tmp_path / "set", tmp_path / "back", "--torch").exit_code == 0
    written = torch.load(tmp_path / "back" / "acoustic_token" / "h.pth", weights_only=True)
    assert written["6209_a"].tolist() == np.arange(16).reshape(4, 4).tolist()


def test_what_does_not_fit_is_refused(dump: Path, tmp_path: Path):
    out = ("--out", tmp_path / "set")
    assert "a token 1001 at level 0; x has 900" in failed("import", dump, *out, "--codec", "x", "--codes", 900)
    assert "semantic token 991" in failed("import", dump, *out, "--codec", "x", "--clusters", 500)
    assert "3 groups" in failed("import", dump, *out, "--codec", "x", "--groups", 3)
    assert "10" in failed("import", dump, *out, "--codec", "chip")
    assert "Leave --codes" in failed("import", dump, *out, "--codec", "chip", "--codes", 4)
    assert "semantic_token.tsv" in failed("import", tmp_path, *out, "--codec", "x")
    (dump / "acoustic_token" / "encodec").mkdir()
    assert "one codec" in failed("import", dump, *out, "--codec", "x")
    assert not (tmp_path / "set").exists()
