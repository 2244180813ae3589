"""`antiphon consent`: what is granted is what the client's clip is checked against; only the grantor takes it back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from antiphon.audio.reference import prepare
from antiphon.clock import SystemClock
from antiphon.engines import load
from antiphon.protocol import load_or_create
from antiphon.protocol.consent import Use, open_grant, require
from antiphon.services import SpeechRequest

TEXT = "The morning train is late again, and nobody on the platform knows the reason for it. We wait, and we talk."


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("consent") / "me.wav"
    request = SpeechRequest(text=TEXT, voice="espeak-en-us")
    chunks = list(load("espeak").generate(request, 1))
    soundfile.write(path, np.concatenate([chunk.samples[0] for chunk in chunks]), chunks[0].rate_hz)
    return path


def granted(call, recording, *more):
    return call("consent", "grant", "--reference", str(recording), "--subject", "Ann Example", *more)


def test_a_grant_covers_the_clip_that_the_client_will_send(call, home, recording):
    ended = granted(call, recording, "-o", "ann.consent")
    assert ended.code == 0, ended.err
    raw = Path("ann.consent").read_bytes()
    own = load_or_create(home / "keys" / "client.key").node_id
    clip = prepare(recording).clip
    for use in Use:
        require(raw, reference=clip.sha256, use=use, at_ms=SystemClock().now_ms(), grantee=own)
    assert open_grant(raw).grantor == own
    for said in ("Ann Example", "enrol, speak, convert", "in force", clip.sha256.hex(), "(you)"):
        assert said in ended.out
    assert "antiphon consent revoke ann.consent" in ended.err


def test_uses_time_and_grantee_are_what_was_asked_for(call, recording):
    ended = granted(call, recording, "--for", "speak", "--until", "2030-01-31", "--to", "anybody")
    assert ended.code == 0, ended.err
    grant = open_grant(Path("voice.consent").read_bytes()).grant
    assert (grant.uses, grant.grantee) == ((Use.SPEAK,), "")
    assert grant.until_ms == 1_896_134_400_000  # 2030-02-01 00:00 UTC: the 31st counts
    shown = json.loads(call("consent", "show", "voice.consent", "--json").out)
    assert (shown["standing"], shown["revoked"], shown["uses"]) == ("in force", None, ["speak"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--for", "sing"], "no use of a voice 'sing'"),
        (["--for", ","], "at least one use"),
        (["--days", "5", "--until", "2030-01-31"], "Both --until and --days"),
        (["--until", "2020-01-31"], "is over"),
        (["--until", "yesterday"], "write it as 2027-01-31"),
        (["--until", "2090-01-31"], "ten years"),
        (["--days", "0"], "--days"),
        (["--to", "bob"], "not a node id"),
        (["--subject", "  "], "whose voice"),
        (["-o", "nowhere/ann.consent"], "cannot be written"),
    ],
)
def test_a_wrong_wish_is_refused_and_leaves_nothing(call, recording, more, said):
    ended = granted(call, recording, *more)
    assert ended.code in {2, 6}
    assert said in ended.complaint
    assert list(Path().iterdir()) == []


def test_a_recording_is_a_file_with_a_voice(call, recording):
    Path("link.wav").symlink_to(recording)
    Path("noise.wav").write_bytes(b"RIFF nonsense")
    for name, said in (("link.wav", "link to another place"), ("noise.wav", "noise.wav"), ("none.wav", "not exist")):
        ended = call("consent", "grant", "--reference", name, "--subject", "Ann")
        assert (ended.code, said in ended.complaint) == (2, True)
    assert not Path("voice.consent").exists()


def test_an_existing_file_is_kept(call, recording):
    Path("voice.consent").write_text("precious")
    assert "exists already" in granted(call, recording).complaint
    assert Path("voice.consent").read_text() == "precious"


def test_show_says_what_is_no_consent(call, recording):
    granted(call, recording)
    raw = Path("voice.consent").read_bytes()
    Path("cut.consent").write_bytes(raw[:-5])
    Path("empty.consent").write_bytes(b"")
    Path("huge.consent").write_bytes(bytes(100_000))
    for name, code in (("cut.consent", 9), ("empty.consent", 2), ("huge.consent", 2), ("none.consent", 2)):
        ended = call("consent", "show", name)
        assert ended.code == code
        assert name in ended.complaint or name.startswith(("empty", "huge"))


@pytest.mark.slow
def test_only_the_grantor_revokes_and_once_is_enough(call, recording, tmp_path):
    granted(call, recording)
    other = call("--home", str(tmp_path / "other"), "consent", "revoke", "voice.consent")
    assert (other.code, "only they can revoke it" in other.complaint) == (2, True)
    assert "was not revoked" in call("consent", "show", "voice.consent", "--check").out
    name = open_grant(Path("voice.consent").read_bytes()).id
    ended = call("consent", "revoke", "voice.consent")
    assert (ended.code, ended.out) == (0, f"Revoked   {name}\n")
    assert "it was revoked" in call("consent", "show", "voice.consent", "--check").out
    assert "as it was before" in call("consent", "revoke", name).out
