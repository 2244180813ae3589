"""Where recorded people are found: packages, and a small reader of the layout of each. Nothing is decoded here."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from antiphon.errors import InputError

SHARE = Path("usr/share")


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording as its package holds it. `text` is empty where the words are not known."""

    file: Path
    speaker: str
    name: str
    language: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A source: the Debian packages it comes from, its licence, and who reads the unpacked tree."""

    packages: tuple[str, ...]
    licence: str
    read: Callable[[Path], Iterator[Clip]]


def tuxpaint(root: Path) -> Iterator[Clip]:
    """`STAMP_desc_LANG.ogg`, and `LANG.utf8=TEXT` in `STAMP.txt`; one speaker a language. Other sounds are effects."""
    for path in sorted((root / SHARE / "tuxpaint/stamps").rglob("*_desc_*.ogg")):
        stamp, _, language = path.name.partition(".")[0].rpartition("_desc_")  # some end with .ogg.ogg
        text = _stamp_text(path.with_name(f"{stamp}.txt"), language)
        name = "-".join((*path.relative_to(root / SHARE / "tuxpaint/stamps").parts[:-1], stamp))
        yield Clip(path, f"tuxpaint-{language}", name, language.partition("_")[0], text)


def _stamp_text(path: Path, language: str) -> str:
    if not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.partition("=")[2].strip() for line in lines if line.startswith(f"{language}.utf8=")), "")


def festvox_ru(root: Path) -> Iterator[Clip]:
    """Festvox: `( NAME "TEXT" )` a line in `etc/txt.done.data`; `+` marks the stressed vowel and is no letter."""
    voice = root / SHARE / "festival/voices/russian/msu_ru_nsh_clunits"
    script = (voice / "etc/txt.done.data").read_text(encoding="utf-8")
    for name, text in re.findall(r'\(\s*(\S+)\s+"(.*)"\s*\)', script):
        path = voice / "wav" / f"{name}.wav"
        if path.is_file():
            yield Clip(path, "festvox-ru-nsh", name, "ru", text.replace("+", ""))


FISHES = {"font_small": "small", "font_big": "big"}
"""Of the game's roles only the two fishes are a speaker each for certain; the other roles share actors."""


def fillets_cs(root: Path) -> Iterator[Clip]:
    """`sound/LEVEL/cs/ID.ogg`; `dialogId("ID", "ROLE", ...)` then `dialogStr("TEXT")` in `dialogs_cs.lua`."""
    game = root / SHARE.parent / "share/games/fillets-ng"
    for script in sorted(game.glob("script/*/dialogs_cs.lua")):
        lines = re.findall(
            r'dialogId\("([^"]+)",\s*"([^"]+)".*?\)\s*dialogStr\("((?:[^"\\]|\\.)*)"\)',
            script.read_text(encoding="utf-8"),
            re.DOTALL,
        )
        for key, role, text in lines:
            path = game / "sound" / script.parent.name / "cs" / f"{key}.ogg"
            if role in FISHES and path.is_file():
                name = f"{script.parent.name}-{key}"
                yield Clip(path, f"fillets-cs-{FISHES[role]}", name, "cs", text.replace('\\"', '"'))


def klettres(root: Path) -> Iterator[Clip]:
    """Letters and syllables: `LANG/{alpha,syllab}/NAME.ogg`; a language is a speaker."""
    yield from _by_language(root / SHARE / "klettres", "klettres")


def ktuberling(root: Path) -> Iterator[Clip]:
    """Names of things: `sounds/LANG/NAME.{ogg,wav}`; a language is a speaker."""
    yield from _by_language(root / SHARE / "ktuberling/sounds", "ktuberling")


def _by_language(folder: Path, package: str) -> Iterator[Clip]:
    for path in sorted(p for p in folder.glob("*/**/*") if p.suffix in {".ogg", ".wav"}):
        inner = path.relative_to(folder)
        language = inner.parts[0]
        if "@" not in language:  # the same speaker in another script
            name = "-".join(inner.with_suffix("").parts[1:])
            yield Clip(path, f"{package}-{language}", name, language.partition("_")[0])


def asterisk_es_co(root: Path) -> Iterator[Clip]:
    """Prompts of a telephone exchange as raw GSM 06.10."""
    for folder in root.rglob("asterisk/sounds/es"):
        for path in sorted(folder.glob("*.gsm")):
            yield Clip(path, "es_CO_f_July", path.stem, "es")


SOURCES = {
    "tuxpaint": Found(("tuxpaint-stamps-default",), "GPL-2.0-or-later", tuxpaint),
    "festvox-ru": Found(("festvox-ru",), "LicenseRef-festvox-ru", festvox_ru),
    "fillets-cs": Found(("fillets-ng-data", "fillets-ng-data-cs"), "GPL-2.0-only", fillets_cs),
    "klettres": Found(("klettres-data",), "GPL-2.0-or-later", klettres),
    "ktuberling": Found(("ktuberling-data",), "GPL-2.0-or-later", ktuberling),
    "asterisk-es-co": Found(("asterisk-prompt-es-co",), "GPL-2.0-only", asterisk_es_co),
}


def fetch(name: str, work: Path) -> Path:
    """The tree of a source's packages below `work`, downloaded and unpacked without root where it is not there yet.

    Raises `InputError` when a package cannot be had or opened.
    """
    tree = work / name
    if tree.is_dir():
        return tree
    partial = work / f"{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for package in SOURCES[name].packages:
        deb = next(work.glob(f"{package}_*.deb"), None)
        if deb is None:
            _call(["apt-get", "download", package], work, package, name)
            deb = next(work.glob(f"{package}_*.deb"))
        _call(["dpkg-deb", "-x", str(deb.resolve()), str(partial.resolve())], work, package, name)
    partial.rename(tree)
    return tree


def _call(command: list[str], folder: Path, package: str, source: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise InputError(f"{command[0]} is not installed here", "Run this on Debian or Ubuntu.") from error
    if done.returncode:
        said = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise InputError(
            f"Package {package} cannot be had: {said}",
            f"Try `apt-get update`, remove a broken {package}_*.deb, or leave `{source}` out of --sources.",
        )
