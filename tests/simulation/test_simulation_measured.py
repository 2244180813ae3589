"""The votes that are played with, and where they come from."""

from __future__ import annotations

import re
from pathlib import Path

from antiphon.economy.types import PPM, Verdict
from antiphon.simulation import measured

ROOT = Path(__file__).parents[2]


def test_every_distribution_says_by_which_command_it_was_measured() -> None:
    files = {path.name for path in Path(measured.__file__).parent.iterdir() if ".json" in path.name}
    assert {one.file for one in measured.sources() if one.file} == files - {"sources.json"}
    for one in measured.sources():
        scripts = re.findall(r"scripts/\w+\.py", one.command)
        assert scripts
        assert all((ROOT / script).exists() for script in scripts)


def test_honest_work_was_heard_by_every_kind_of_machine_and_cheats_were_found() -> None:
    kinds = {frozenset(clip.heard) for clip in measured.clips()}
    assert kinds == {frozenset({"usual", "two-threads", "avx2", "unfused", "float32"})}
    assert len(measured.clips()) == 123
    for name, votes in measured.counted().cheats.items():
        assert len(votes) == 24, name
        assert {vote.verdict for vote in votes} == {Verdict.INVALID}, name
    for votes in measured.counted().honest.values():
        assert {vote.verdict for vote in votes} == {Verdict.VALID}


def test_a_cheat_keeps_the_readings_of_the_machine_that_heard_it() -> None:
    heard = measured.clips()[0].heard["avx2"]
    found = measured.Judged(verdict=Verdict.INVALID, score_ppm=PPM // 4).of(heard)
    assert (found.verdict, found.score_ppm, found.readings) == (Verdict.INVALID, PPM // 4, heard.readings)


def test_markets_leave_out_what_an_honest_machine_rejects() -> None:
    for name in ("speech", "music"):
        assert all(vote.verdict is Verdict.VALID for one in measured.market(name).good for vote in one.heard.values())
    assert len(measured.market("speech").good) == 121
