"""Sound that is played while it is made: a part of a file plays by itself, and the whole is as long in each format."""

from __future__ import annotations

import io

import av
import httpx
import numpy as np
import pytest

pytestmark = pytest.mark.slow

TEXT = "A client of another house asked for this sentence. Then it asked for one more, and a third."
EDGE_S = 0.1
"""What a coder may put before and after the sound: MP3 and AAC fill frames, and have no place to say with what."""


def pieces(url: str, form: str) -> list[bytes]:
    """The same sound in each format, as it comes."""
    asked = {"voice": "hibari", "seed": 1, "input": TEXT, "response_format": form}
    with httpx.stream("POST", f"{url}/v1/audio/speech", json=asked, timeout=300) as answer:
        assert answer.status_code == 200
        return list(answer.iter_raw())


def played(sound: bytes) -> tuple[np.ndarray, float, float | None]:
    """What a player of FFmpeg's makes of it, mono [samples] of 24 kHz; its seconds; the seconds that it shows."""
    with av.open(io.BytesIO(sound)) as container:
        told = container.duration / av.time_base if container.duration else None
        resampler = av.AudioResampler("flt", "mono", 24_000)
        samples, count, rate_hz = [], 0, container.streams.audio[0].rate
        try:
            for frame in container.decode(audio=0):
                count += frame.samples
                samples += [one.to_ndarray()[0] for one in resampler.resample(frame)]
        except av.error.InvalidDataError:  # the last frame is not whole
            pass
    return np.concatenate(samples), count / rate_hz, told


@pytest.fixture(scope="module")
def pcm(url: str) -> np.ndarray:
    return np.frombuffer(b"".join(pieces(url, "pcm")), "<i2") / np.float32(32_768)


@pytest.mark.parametrize(("form", "told_within"), [
    ("wav", 0.001), ("mp3", EDGE_S), ("opus", EDGE_S), ("aac", 0.5), ("flac", None),
])  # fmt: skip
def test_it_plays_while_it_grows_and_is_as_long_in_every_format(
    form: str, told_within: float | None, url: str, pcm: np.ndarray
) -> None:
    """`told_within`: what the file shows before it is read. FLAC has a place for it only before the sound, AAC none:
    players guess that by its bits a second."""
    whole_s = len(pcm) / 24_000
    came = pieces(url, form)
    assert len(came) > 3
    sound = b"".join(came)
    _, seconds, told = played(sound)
    assert seconds == pytest.approx(whole_s, abs=EDGE_S)
    assert (told is None) == (told_within is None)
    if told is not None:
        assert told == pytest.approx(whole_s, abs=told_within)
    for share in (0.3, 0.6, 0.9):
        part, part_s, _ = played(sound[: int(share * len(sound))])
        assert part_s > (share - 0.1) * whole_s - EDGE_S
        assert alike(part, pcm) > 0.9, f"{form} at {share}"


def alike(part: np.ndarray, whole: np.ndarray) -> float:
    """The greatest correlation of its last second with the whole, at any delay of the coder up to the edge."""
    tail, begin = part[-24_000:], max(0, len(part) - 24_000)
    found = []
    for delay in range(min(int(EDGE_S * 24_000), begin)):
        other = whole[begin - delay : begin - delay + len(tail)]
        one = tail[: len(other)]
        found.append(float(one @ other / np.sqrt((one @ one) * (other @ other))))
    return max(found)
