import contextlib
import io
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from antiphon.engines import espeak_pool, espeak_voices
from antiphon.engines.espeak import EspeakEngine
from antiphon.engines.espeak_pool import Pool
from antiphon.errors import BusyError, InputError, UnavailableError
from antiphon.services import SpeechRequest

WORKER = Path(espeak_pool.__file__).with_name("espeak_worker.py")
LONG = "The evening tide is in, and the boats rest by the wall. " * 30
QUESTION = {"voice": "gmw/en-US", "text": LONG, "rate_wpm": 80, "pitch": 50, "intonation": 50, "seed": 1}


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool()
    yield pool
    pool.close()


def _say(pool: Pool, text: str = "Boats rest.", tag: str = "en-us", seed: int = 1, **fields: object) -> np.ndarray:
    request = SpeechRequest(text=text, voice=f"espeak-{tag}", language=tag, **fields)  # type: ignore[arg-type]
    return np.concatenate([chunk.samples[0] for chunk in EspeakEngine(pool=pool).generate(request, seed)])


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            if Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
                time.sleep(0.02)
                continue
        return True
    return False


def test_languages_come_from_the_data_folder_with_plain_tags() -> None:
    languages = espeak_voices.languages()
    assert len(languages) > 120
    assert {"en-us", "en-gb", "de", "fr-fr", "es", "it", "cmn", "pt-br", "ja"} <= set(languages)
    assert languages["de"].identifier == "gmw/de"
    assert languages["fr-fr"].tags == ("fr-fr", "fr")
    # Files without a dictionary would speak silence.
    assert not {"fo", "xex", "kaa"} & set(languages)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("de", "Guten Tag, heute ist der 3. Mai."),
        ("fr-fr", "Bonjour, il est 5 heures."),
        ("es", "Buenos días, son las 5."),
        ("ru", "Добрый день."),
        ("cmn", "你好世界"),
    ],
)
def test_other_languages_speak(pool: Pool, tag: str, text: str) -> None:
    samples = _say(pool, text, tag)
    assert 0.5 < len(samples) / 22_050 < 6
    assert 0.1 < np.abs(samples).max() < 1


@pytest.mark.slow
def test_the_seed_holds_whatever_was_said_before(pool: Pool) -> None:
    first = _say(pool)
    _say(pool, "Etwas ganz anderes.", "de", options={"variant": "f3"})
    assert np.array_equal(_say(pool), first)
    fresh = Pool()
    assert np.array_equal(_say(fresh), first)
    fresh.close()


@pytest.mark.slow
def test_options_and_speed_change_the_voice(pool: Pool) -> None:
    plain = _say(pool, LONG[:110])
    assert not np.array_equal(_say(pool, LONG[:110], options={"pitch": 80}), plain)
    assert not np.array_equal(_say(pool, LONG[:110], options={"variant": "f3"}), plain)
    assert len(plain) / len(_say(pool, LONG[:110], speed=1.5)) == pytest.approx(1.5, rel=0.05)
    assert len(_say(pool, LONG[:110], speed=0.5)) / len(plain) == pytest.approx(2.0, rel=0.05)


@pytest.mark.slow
def test_text_is_only_ever_text(pool: Pool) -> None:
    marked = _say(pool, 'Say <break time="5s"/> [[h@l\'oU]] now.')
    assert len(marked) / 22_050 > 2  # spelled out, not obeyed as markup or phonemes
    assert len(_say(pool, "one\0two")) > 0


@pytest.mark.slow
def test_a_worker_killed_between_requests_is_replaced(pool: Pool) -> None:
    before = _say(pool)
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGKILL)
    assert np.array_equal(_say(pool), before)
    assert pool.pids() != (pid,)


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_is_replaced_and_not_a_sample_is_lost() -> None:
    pool = Pool(1)
    whole = b"".join(pcm for _, pcm in pool.ask(QUESTION))
    (pid,) = pool.pids()
    pieces = pool.ask(QUESTION)
    heard = [next(pieces)[1], next(pieces)[1]]
    os.killpg(pid, signal.SIGKILL)
    heard += [pcm for _, pcm in pieces]
    assert b"".join(heard) == whole
    assert pool.pids() != (pid,)
    pool.close()


@pytest.mark.slow
def test_a_text_that_kills_every_worker_is_given_up_after_two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mortal = tmp_path / "mortal.py"
    starts = tmp_path / "starts"
    ready = json.dumps({"rate_hz": 22_050, "once": False}).encode()
    mortal.write_text(
        f"import sys; open({str(starts)!r}, 'a').write('x'); "
        f"sys.stdout.buffer.write(b'r' + {struct.pack('<I', len(ready))!r} + {ready!r}); "
        "sys.stdout.buffer.flush(); sys.stdin.buffer.read(5)"
    )
    monkeypatch.setattr(espeak_pool, "_WORKER", mortal)
    with pytest.raises(UnavailableError, match="died"):
        _say(Pool())
    assert starts.read_text() == "xx"


@pytest.mark.slow
def test_a_client_that_leaves_ends_its_worker_and_disturbs_nobody(pool: Pool) -> None:
    _say(pool)
    (pid,) = pool.pids()
    pieces = EspeakEngine(pool=pool).generate(SpeechRequest(text=LONG, voice="espeak-en-us"), 1)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert _gone(pid)
    assert len(_say(pool)) > 0


@pytest.mark.slow
def test_many_threads_share_few_workers_and_get_what_one_alone_gets(pool: Pool) -> None:
    alone = [_say(pool, f"Boat number {n}.") for n in range(8)]
    results: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda n=n: results.update({n: _say(pool, f"Boat number {n}.")})) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(results[n], alone[n]) for n in range(8))
    assert len(pool.pids()) <= espeak_pool.MAX_WORKERS


@pytest.mark.slow
def test_a_full_pool_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak_pool, "WAIT_S", 0.05)
    pool = Pool(1)
    pieces = pool.ask(QUESTION)
    next(pieces)
    with pytest.raises(BusyError, match="busy"):
        _say(pool)
    pieces.close()  # type: ignore[attr-defined]
    assert len(_say(pool)) > 0
    pool.close()


@pytest.mark.slow
def test_a_silent_worker_meets_its_deadline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(espeak_pool, "_WORKER", sleeper)
    monkeypatch.setattr(espeak_pool, "FRAME_S", 0.2)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="did not start"):
        _say(Pool())
    assert time.monotonic() - began < 30


@pytest.mark.slow
def test_where_there_is_no_fork_each_worker_serves_once(pool: Pool) -> None:
    once = Pool(2, "--once")
    assert np.array_equal(_say(once), _say(pool))
    assert np.array_equal(_say(once), _say(pool))
    assert once.pids() == ()
    once.close()


@pytest.mark.slow
def test_an_unknown_voice_is_an_error_and_the_worker_lives_on(pool: Pool) -> None:
    with pytest.raises(UnavailableError, match="no voice no/such"):
        list(pool.ask({**QUESTION, "voice": "no/such"}))
    assert len(_say(pool)) > 0


@pytest.mark.slow
def test_the_worker_leaves_when_its_parent_dies() -> None:
    code = (
        "import os, signal; from antiphon.engines.espeak_pool import Pool; p = Pool(); p.warm_up(); "
        "print(p.pids()[0], flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert parent.returncode == -signal.SIGKILL
    assert _gone(int(parent.stdout))


@pytest.mark.slow
def test_the_worker_refuses_requests_beyond_its_limit() -> None:
    head = struct.pack("<I", 100_000_000)
    done = subprocess.run([sys.executable, str(WORKER)], input=head, capture_output=True, timeout=300, check=False)
    assert done.returncode == 1
    ready = io.BytesIO(done.stdout)
    assert ready.read(1) == b"r"
    (length,) = struct.unpack("<I", ready.read(4))
    assert json.loads(ready.read(length))["rate_hz"] == 22_050


def test_wrong_requests_say_what_would_be_right(pool: Pool) -> None:
    engine = EspeakEngine(pool=pool)
    with pytest.raises(InputError, match="Did you mean espeak-de"):
        engine.check(SpeechRequest(text="Hallo", voice="espeak-dee", language="de"))
    with pytest.raises(InputError, match="Set the language to de"):
        engine.check(SpeechRequest(text="Hallo", voice="espeak-de", language="fr"))
    with pytest.raises(InputError, match="variant of espeak 'f33'"):
        engine.check(SpeechRequest(text="Hi", voice="espeak-en-us", options={"variant": "f33"}))
    with pytest.raises(InputError, match="pitch"):
        engine.check(SpeechRequest(text="Hi", voice="espeak-en-us", options={"pitch": 120}))
    engine.check(SpeechRequest(text="Bonjour", voice="espeak-fr-fr", language="fr"))
    assert pool.pids() == ()
