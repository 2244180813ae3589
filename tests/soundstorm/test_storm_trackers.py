"""Figures and sounds of a training arrive in the real TensorBoard and Weights & Biases, with nothing sent anywhere."""

from __future__ import annotations

import io
import struct
import time
import warnings
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from storm_fakes import tone

pytest.importorskip("torch")

from antiphon.cli.validating import codec_evaluation
from antiphon.codecs.training import data, profile, run
from antiphon.trackers import TensorBoard, WeightsAndBiases

SOUND = tone(0.5, 3)


def events(folder: Path) -> list[tuple[int, str, float | bytes]]:
    """Step, tag and number or sound of all records of TensorBoard's file: length, CRC, event, CRC."""
    from tensorboardX.proto.event_pb2 import Event

    found: list[tuple[int, str, float | bytes]] = []
    (file,) = folder.glob("events.*")
    blob = file.read_bytes()
    place = 0
    while place < len(blob):
        (length,) = struct.unpack_from("<Q", blob, place)
        event = Event.FromString(blob[place + 12 : place + 12 + length])
        for value in event.summary.value:
            sound = value.audio.encoded_audio_string if value.HasField("audio") else value.simple_value
            found.append((event.step, value.tag, sound))
        place += length + 16
    return found


def test_tensorboard_holds_figures_and_sounds(tmp_path: Path):
    pytest.importorskip("tensorboardX")
    tracker = TensorBoard(tmp_path)
    tracker.log(7, {"loss": 2.5, "accuracy": 0.25})
    tracker.audio(7, "sample", SOUND)
    tracker.close()
    found = {tag: (step, value) for step, tag, value in events(tmp_path)}
    assert found["loss"] == (7, 2.5)
    assert found["accuracy"] == (7, 0.25)
    step, encoded = found["sample"]
    samples, rate_hz = soundfile.read(io.BytesIO(encoded), dtype="float32")
    assert (step, rate_hz) == (7, SOUND.rate_hz)
    np.testing.assert_allclose(samples, SOUND.samples[0], atol=1e-3)


@pytest.mark.slow
def test_weights_and_biases_keeps_figures_and_sounds_in_its_folder(tmp_path: Path):
    pytest.importorskip("wandb")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the library says of its own dependencies
        tracker = WeightsAndBiases(tmp_path, "antiphon-test", {"profile": "tiny"})
        tracker.log(7, {"loss": 2.5})
        tracker.audio(7, "sample", SOUND)
        tracker.close()
    (run_folder,) = (tmp_path / "wandb").glob("offline-run-*")
    (sound,) = run_folder.glob("files/media/audio/sample_7_*.wav")
    samples, rate_hz = soundfile.read(sound, dtype="float32")
    assert rate_hz == SOUND.rate_hz
    np.testing.assert_allclose(samples, SOUND.samples[0], atol=1e-3)
    (log,) = run_folder.glob("run-*.wandb")
    # Another process of the library writes it, and may still be at it when the run is closed.
    end_s = time.monotonic() + 300
    while b"loss" not in log.read_bytes():
        assert time.monotonic() < end_s, "the log never told of the loss"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_codec_in_training_is_heard_as_it_would_be_served(tmp_path: Path):
    pytest.importorskip("tensorboardX")
    for number in range(4):
        path = tmp_path / "audio" / f"speaker-{number}" / "one.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, tone(1.0, number).samples[0], 16_000)
    config = profile("tiny")
    data.prepare(tmp_path / "audio", tmp_path / "prepared", config.codec, copies=0, seed=0)
    tracker = TensorBoard(tmp_path / "board")
    listen = codec_evaluation(tmp_path / "prepared", config, tracker)
    lines: list[dict[str, float]] = []
    run(
        msgspec.structs.replace(config, steps=4, log_every=2),
        tmp_path / "prepared",
        tmp_path / "run",
        report=lines.append,
        evaluate=listen,
        evaluate_every=2,
    )
    tracker.close()
    assert [(line["step"], line["sample_mel"] > 0) for line in lines if "sample_mel" in line] == [(2, True), (4, True)]
    sounds = [(step, tag) for step, tag, value in events(tmp_path / "board") if isinstance(value, bytes)]
    first = [(2, f"{kind}-{n}") for n in range(3) for kind in ("sample", "original")]
    assert sounds == [*first, *((4, f"sample-{n}") for n in range(3))]
