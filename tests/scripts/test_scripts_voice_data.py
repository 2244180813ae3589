"""`scripts/voice_data.py` on small trees in the layouts of the packages, with speech that a synthesiser made."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from antiphon.errors import InputError

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import voice_data
import voice_sources

from antiphon.soundstorm.data.manifest import find

RATE_HZ = 44_100


def voice(seconds: float = 1.6) -> np.ndarray:
    """Syllables of harmonics on 140 Hz, the last ends at 1.4 s; half a second of silence at both ends."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    pitched = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12))
    spoken = 0.2 * pitched * np.maximum(0.0, np.sin(2 * np.pi * 2.5 * time)) ** 0.5
    silence = np.zeros(RATE_HZ // 2)
    return np.concatenate([silence, spoken, silence]).astype(np.float32)


def put(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE_HZ)


def stamps(packages: Path) -> Path:
    folder = packages / "tuxpaint/usr/share/tuxpaint/stamps/animals"
    for language in ("fr", "es"):
        put(folder / f"cat_desc_{language}.ogg", voice())
    put(folder / "cat.ogg", voice())  # a miaow: no description
    put(folder / "dog_desc_fr.ogg", np.zeros(RATE_HZ, np.float32))
    (folder / "cat.txt").write_text("A cat.\nes.utf8=Un gato.\nfr.utf8=Un chat.\n")
    doc = packages / "tuxpaint/usr/share/doc/tuxpaint-stamps-default/copyright"
    doc.parent.mkdir(parents=True)
    doc.write_text("GPL-2\n")
    return folder


def test_stamps_become_a_folder_that_prepare_reads_with_test_speakers_apart(tmp_path: Path) -> None:
    stamps(tmp_path / "packages")
    report = voice_data.recorded(tmp_path / "out", tmp_path / "packages", ["tuxpaint"])
    sources, rejected = find([tmp_path / "out/train"])
    assert [(s.speaker, s.text, s.licence) for s in sources] == [("tuxpaint-fr", "Un chat.", "GPL-2.0-or-later")]
    assert not rejected
    assert [s.speaker for s in find([tmp_path / "out/heldout"])[0]] == ["tuxpaint-es"]
    assert report["tuxpaint"]["dropped"] == {"silent": 1}
    assert report["tuxpaint"]["languages"] == ["es", "fr"]
    assert (tmp_path / "out/licences/tuxpaint-stamps-default.txt").read_text() == "GPL-2\n"


def test_the_same_command_goes_on_and_a_torn_manifest_is_mended(tmp_path: Path) -> None:
    stamps(tmp_path / "packages")
    voice_data.recorded(tmp_path / "out", tmp_path / "packages", ["tuxpaint"])
    manifest = tmp_path / "out/manifest.jsonl"
    first = manifest.read_text()
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.wav")}
    manifest.write_text(first[: first.index("\n") + 20])
    voice_data.recorded(tmp_path / "out", tmp_path / "packages", ["tuxpaint"])
    assert sorted(manifest.read_text().splitlines()) == sorted(first.splitlines())
    kept = json.loads(first.splitlines()[0])["path"]
    assert (tmp_path / "out" / kept).stat().st_mtime_ns == made[tmp_path / "out" / kept]


def test_silence_is_trimmed_and_the_rate_is_ours() -> None:
    samples, reason = voice_data.cleaned(voice(), RATE_HZ)
    assert not reason
    assert samples.shape[0] / 16_000 == pytest.approx(1.4 + 2 * voice_data.MARGIN_S, abs=0.05)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.clip(voice() * 40, -1, 1), "clipped"),
        (voice() * 1e-4, "silent"),
        (voice(0.1), "too short"),
        (np.full(RATE_HZ, np.nan, np.float32), "empty or not finite"),
        (0.2 * np.sin(np.arange(2 * RATE_HZ) * 0.05).astype(np.float32), "steady, as music or noise is"),
        (
            (np.random.default_rng(1).normal(0, 0.1, 2 * RATE_HZ) * np.exp(-np.arange(2 * RATE_HZ) / 9e3)).astype("f4"),
            "without pitch, as effects are",
        ),
    ],
)
def test_what_is_no_clean_speech_is_dropped_with_the_reason(samples: np.ndarray, reason: str) -> None:
    assert voice_data.cleaned(samples, RATE_HZ)[1] == reason


def test_a_stamp_with_two_endings_is_its_language_and_no_further_speaker(tmp_path: Path) -> None:
    put(tmp_path / "usr/share/tuxpaint/stamps/cat_desc_da.ogg.ogg", voice())
    assert [(c.speaker, c.language) for c in voice_sources.tuxpaint(tmp_path)] == [("tuxpaint-da", "da")]


def test_festvox_texts_lose_the_marks_of_stress(tmp_path: Path) -> None:
    folder = tmp_path / "usr/share/festival/voices/russian/msu_ru_nsh_clunits"
    put(folder / "wav/ru_0002.wav", voice())
    (folder / "etc").mkdir()
    (folder / "etc/txt.done.data").write_text('( ru_0002 "белый ст+ул" )\n( ru_0009 "нет" )\n')
    assert [(c.name, c.text) for c in voice_sources.festvox_ru(tmp_path)] == [("ru_0002", "белый стул")]


def test_only_the_two_fishes_of_the_game_are_speakers(tmp_path: Path) -> None:
    game = tmp_path / "usr/share/games/fillets-ng"
    for key in ("a-m", "a-v", "a-socha", "crash"):
        put(game / f"sound/city/cs/{key}.ogg", voice())
    (game / "script/city").mkdir(parents=True)
    (game / "script/city/dialogs_cs.lua").write_text(
        'dialogId("a-m", "font_small", "Hi (you)!")\ndialogStr("Řekl \\"ahoj\\".")\n\n'
        'dialogId("a-v", "font_big", "Yes.")\ndialogStr("Ano.")\n'
        'dialogId("a-socha", "font_statue", "Hm.")\ndialogStr("Hm.")\n'
    )
    found = [(c.speaker, c.text) for c in voice_sources.fillets_cs(tmp_path)]
    assert found == [("fillets-cs-small", 'Řekl "ahoj".'), ("fillets-cs-big", "Ano.")]


def test_test_speakers_are_named_once_and_clearly(tmp_path: Path) -> None:
    assert voice_data.test_speakers(voice_data.TEST_SPEAKERS)["tuxpaint-es"] == "heldout"
    for text in ("train tuxpaint-fr\n", "valid a\nheldout a\n", "heldout\n"):
        (tmp_path / "list.txt").write_text(text)
        with pytest.raises(InputError):
            voice_data.test_speakers(tmp_path / "list.txt")


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs Debian's tools")
def test_a_broken_package_leaves_no_tree_and_says_which(tmp_path: Path) -> None:
    (tmp_path / "festvox-ru_1_all.deb").write_bytes(b"not a package")
    with pytest.raises(InputError, match="festvox-ru"):
        voice_sources.fetch("festvox-ru", tmp_path)
    assert not (tmp_path / "festvox-ru").exists()


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs Debian's tools")
def test_a_package_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = voice_sources.Found(("antiphon-no-such-voice",), "none", voice_sources.klettres)
    monkeypatch.setitem(voice_sources.SOURCES, "gone", gone)
    with pytest.raises(InputError, match="antiphon-no-such-voice"):
        voice_sources.fetch("gone", tmp_path)
