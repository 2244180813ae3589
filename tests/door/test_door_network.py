"""Programs order sound through a whole network, with and without asyncio."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import antiphon
from antiphon.audio import measure, read
from antiphon.bench.cloning import REFERENCES
from antiphon.errors import FundsError, InputError, StateError
from antiphon.protocol import receipt as receipts

pytestmark = [pytest.mark.slow, pytest.mark.speaks]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("door")


def test_a_sentence_is_made_judged_paid_and_saved(home: Path, tmp_path: Path) -> None:
    with antiphon.Network(home) as network:
        before = network.balance_nano()
        sound = network.say("A program asked for this sentence.", seed=1)
        assert sound.samples.shape[0] == 1
        assert sound.samples.dtype == np.float32
        assert sound.rate_hz == 24_000
        assert 1.0 < sound.duration_s < 6.0
        outcome = sound.outcome
        assert outcome.paid_nano == before - network.balance_nano() > 0
        assert outcome.score is not None
        assert outcome.score > 0.7
        assert outcome.figures["WER"] is not None
        (receipt,) = outcome.receipts
        assert receipts.load(receipt.read_text()).task == outcome.tasks[0]
        loud = measure(read(sound.save(tmp_path / "said.wav"))).integrated_lufs
        assert loud == pytest.approx(-16, abs=0.3)
        assert read(sound.save(tmp_path / "said.opus")).duration_s == pytest.approx(sound.duration_s, abs=0.1)
        assert sound.encode("wav", loudness="off")[:4] == b"RIFF"
        again = network.say("A program asked for this sentence.", seed=1)
        assert np.array_equal(sound.samples, again.samples)


def test_sound_comes_in_pieces_that_make_up_the_whole(home: Path) -> None:
    text = "The first sentence is short. The second one comes after it, and is longer."
    with antiphon.Network(home) as network:
        stream = network.stream(antiphon.Say(text=text, seed=3, mode=antiphon.Mode.STREAM))
        with pytest.raises(StateError, match="not begun"):
            _ = stream.outcome
        pieces = list(stream)
        assert len(pieces) > 2
        assert {piece.rate_hz for piece in pieces} == {stream.rate_hz}
        assert stream.outcome.paid_nano > 0
        whole = network.make(antiphon.Say(text=text, seed=3))
    assert np.array_equal(np.concatenate([piece.samples for piece in pieces], axis=1), whole.samples)


def test_who_leaves_a_stream_pays_for_what_was_made_alone(home: Path) -> None:
    text = " ".join(f"This is sentence number {number} of a rather long text." for number in range(1, 31))
    with antiphon.Network(home) as network:
        before = network.balance_nano()
        stream = network.stream(antiphon.Say(text=text, mode=antiphon.Mode.STREAM))
        for _ in stream:
            break
        stream.close()
        paid = before - network.balance_nano()
        assert stream.outcome.paid_nano == paid > 0
        assert len(stream.outcome.receipts) == len(stream.outcome.tasks) > 0
    with antiphon.Network(home) as network:
        before = network.balance_nano()
        whole = network.say(text).outcome.paid_nano
        assert before - network.balance_nano() == whole
    assert paid < whole / 2


def test_music_tells_its_seed_and_how_the_words_were_read(home: Path) -> None:
    with antiphon.Network(home) as network:
        sound = network.compose("calm shop theme in F major", seconds=4)
        assert sound.samples.shape[0] == 2
        assert sound.duration_s == pytest.approx(4, abs=0.1)
        seed = sound.outcome.seed
        assert seed is not None
        assert np.array_equal(
            network.compose("calm shop theme in F major", seconds=4, seed=seed).samples, sound.samples
        )


def test_a_voice_is_learnt_kept_and_spoken_with(home: Path) -> None:
    reference = REFERENCES / "allison.opus"
    with antiphon.Network(home) as network:
        learnt = network.add_voice("ann", reference, own_voice=True)
        assert learnt.paid_nano > 0
        assert network.own_voices() == ("ann",)
        spoken = network.say("A kept voice says this sentence for you.", voice="ann")
        assert spoken.outcome.score is not None
        with pytest.raises(InputError, match="already"):
            network.add_voice("ann", reference, own_voice=True)
        with pytest.raises(InputError, match="consent"):
            network.clone("Not without a word from her.", reference=reference)


async def test_a_stream_that_is_dropped_or_left_open_ends_with_its_network(home: Path) -> None:
    text = " ".join(f"This is sentence number {number} of a rather long text." for number in range(1, 31))
    wanted = antiphon.Say(text=text, mode=antiphon.Mode.STREAM)
    async with antiphon.AsyncNetwork(home) as network:
        before = await network.balance_nano()
        async for _ in network.stream(wanted):
            break
        kept = network.stream(wanted)
        await anext(kept)
        async with network.stream(wanted) as third:
            await anext(third)
    async with antiphon.AsyncNetwork(home) as network:
        paid = before - await network.balance_nano()
        whole = (await network.make(wanted)).outcome.paid_nano
    assert (
        paid < 2.5 * whole
    )  # of three, each left after its first piece; how much was made by then is the machine's pace


async def test_leaving_ends_what_is_still_running(home: Path) -> None:
    text = " ".join(f"This is sentence number {number} of a rather long text." for number in range(1, 61))
    async with antiphon.AsyncNetwork(home) as network:
        before = await network.balance_nano()
        running = asyncio.create_task(network.say(text))
        await asyncio.sleep(1)
    with pytest.raises(asyncio.CancelledError):
        await running
    async with antiphon.AsyncNetwork(home) as network:
        paid = before - await network.balance_nano()
        assert paid < (await network.say(text)).outcome.paid_nano


def test_ctrl_c_within_an_order_cancels_it(home: Path, tmp_path: Path) -> None:
    script = (
        "import sys, antiphon\n"
        "text = ' '.join(f'This is sentence number {n} of a rather long text.' for n in range(1, 61))\n"
        "network = antiphon.Network(sys.argv[1]).open()\n"
        "before = network.balance_nano()\n"
        "print('began', flush=True)\n"
        "try:\n"
        "    network.say(text)\n"
        "except KeyboardInterrupt:\n"
        "    print(before - network.balance_nano(), flush=True)\n"
        "network.close()\n"
        "antiphon.Network(sys.argv[1]).open()  # and never closed: the program ends nevertheless\n"
    )
    running = subprocess.Popen([sys.executable, "-c", script, str(home)], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "began\n"
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    told, _ = running.communicate(timeout=300)
    assert running.returncode == 0
    with antiphon.Network(home) as network:
        long = " ".join(f"This is sentence number {number} of a rather long text." for number in range(1, 61))
        assert int(told) < network.say(long).outcome.paid_nano


async def test_the_same_with_asyncio(home: Path) -> None:
    async with antiphon.AsyncNetwork(home) as network:
        sound = await network.say("An asynchronous program asked for this.")
        assert sound.outcome.receipts
        with pytest.raises(StateError, match="open already"):
            await network.__aenter__()
    with pytest.raises(StateError, match="not open"):
        await network.say("Too late.")


def test_what_cannot_be_is_refused_before_anything_is_paid(home: Path) -> None:
    with antiphon.Network(home) as network:
        before = network.balance_nano()
        with pytest.raises(InputError, match="Speed 9"):
            network.say("Faster.", speed=9.0)
        with pytest.raises(InputError, match="nobody"):
            network.say("Who?", voice="nobody")
        with pytest.raises(FundsError, match="more than --max-cost"):
            network.say("Too dear for me.", max_cost_nano=10)
        with pytest.raises(InputError, match="empty"):
            network.compose(" ")
        for wrong in ({"mode": "fast"}, {"speed": "2"}, {"seed": "a"}, {"max_cost_nano": -1}, {"max_cost_nano": 1e9}):
            with pytest.raises(InputError):
                network.say("Of another kind.", **wrong)
        for text in (None, b"bytes", 5):
            with pytest.raises(InputError, match="no text"):
                network.say(text)
        with pytest.raises(InputError, match="no order"):
            network.stream("text")
        assert network.balance_nano() == before
        assert any(voice.name == "af_heart" for voice in network.voices(language="en", engine="kokoro"))
        assert not network.voices(language="tlh")


async def test_a_program_with_a_loop_of_its_own_may_open_and_close_it(home: Path) -> None:
    network = antiphon.Network(home).open()  # as in a notebook
    stream = network.stream(antiphon.Say(text="Nobody asked for this in time."))
    network.close()
    with pytest.raises(StateError, match="not open any more"):
        next(stream)
    assert network.open().balance_nano() > 0
    network.close()


def test_closing_ends_the_order_of_another_thread_with_an_error_of_ours(home: Path) -> None:
    network = antiphon.Network(home).open()
    with ThreadPoolExecutor(1) as pool:
        ordered = pool.submit(network.say, "A sentence that is long enough to be under way. " * 20)
        time.sleep(0.3)
        network.close()
        with pytest.raises(StateError, match="closed meanwhile"):
            ordered.result(60)


async def test_a_stream_has_one_reader(home: Path) -> None:
    async with antiphon.AsyncNetwork(home) as network:
        stream = network.stream(antiphon.Say(text="Two want to read this. One of them does."))
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        with pytest.raises(StateError, match="read already"):
            await anext(stream)
        assert (await first).samples.size > 0
        await stream.aclose()
