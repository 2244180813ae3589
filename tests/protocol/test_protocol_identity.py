from __future__ import annotations

import copy
import logging
import os
import pickle
import threading
import traceback
from pathlib import Path

import pytest

from antiphon.errors import OutputError, ProtocolError, StateError
from antiphon.protocol import Identity, Secret, TaskKey, load_or_create, sealing, verify
from antiphon.protocol.identity import check_node_id

SEED = bytes(range(32))


def test_an_identity_follows_from_its_seed() -> None:
    one, same, other = Identity.from_seed(SEED), Identity.from_seed(SEED), Identity.from_seed(bytes(32))
    assert (one.node_id, one.seal_public) == (same.node_id, same.seal_public)
    assert one.node_id != other.node_id
    assert one.seal_public != other.seal_public
    assert bytes.fromhex(one.node_id) != one.seal_public


def test_the_derivation_of_both_keys_is_pinned() -> None:
    identity = Identity.from_seed(SEED)
    assert identity.node_id == "f7de15cd58f90322d8fea707825b4817b5dc7ad0715519397b7515a12a202b1f"
    assert identity.seal_public.hex() == "db43b204550dfcce60d173aeeecfb5e0a2879ba488384c93c6e7cb5c6767cb19"


def test_generated_identities_differ() -> None:
    assert len({Identity.generate().node_id for _ in range(50)}) == 50


def test_a_seed_of_another_length_is_refused() -> None:
    with pytest.raises(ProtocolError, match="32 bytes, not 31"):
        Identity.from_seed(bytes(31))


@pytest.mark.parametrize("node_id", ["", "ab", "G" * 64, "A" * 64, "0" * 63, "0" * 65, "a" * 63 + "\n", "é" * 64])
def test_what_is_not_a_node_id_is_refused(node_id: str) -> None:
    with pytest.raises(ProtocolError, match="is not a node id"):
        check_node_id(node_id)


def test_keys_of_small_order_are_refused() -> None:
    """All 8 points of small order, in both signs and in their second encoding (y + p): a signature of theirs would fit
    any message."""
    field = 2**255 - 19
    d = -121665 * pow(121666, -1, field) % field

    def add(p: tuple[int, int], q: tuple[int, int]) -> tuple[int, int]:
        k = d * p[0] * q[0] * p[1] * q[1]
        x = (p[0] * q[1] + q[0] * p[1]) * pow(1 + k, -1, field)
        y = (p[1] * q[1] + p[0] * q[0]) * pow(1 - k, -1, field)
        return x % field, y % field

    y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
    square = (y8 * y8 - 1) * pow(d * y8 * y8 + 1, -1, field) % field
    x8 = pow(square, (field + 3) // 8, field)
    if x8 * x8 % field != square:
        x8 = x8 * pow(2, (field - 1) // 4, field) % field
    points = [(0, 1)]
    for _ in range(7):
        points.append(add(points[-1], (x8, y8)))
    assert len(set(points)) == 8
    assert add(points[-1], (x8, y8)) == (0, 1)
    for _, y in points:
        for encoded in [v for v in (y, y + field) if v < 2**255]:
            for sign in (0, 1 << 255):
                with pytest.raises(ProtocolError, match="weak key"):
                    check_node_id((encoded | sign).to_bytes(32, "little").hex())


def test_verify_raises_and_never_returns_false() -> None:
    identity = Identity.from_seed(SEED)
    assert verify(identity.node_id, identity.sign(b"m"), b"m") is None
    for signature in (b"", bytes(64), identity.sign(b"m")[:-1], identity.sign(b"m") + b"\0", identity.sign(b"n")):
        with pytest.raises(ProtocolError, match="Bad signature"):
            verify(identity.node_id, signature, b"m")
    with pytest.raises(ProtocolError, match="Bad signature"):
        verify(Identity.generate().node_id, identity.sign(b"m"), b"m")


class TestKeyStore:
    def test_the_identity_is_made_once_and_kept(self, tmp_path: Path) -> None:
        file = tmp_path / "keys" / "identity"
        assert load_or_create(file).node_id == load_or_create(file).node_id
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        assert [p.name for p in file.parent.iterdir()] == ["identity"]

    def test_an_umask_that_gives_all_away_does_not(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            load_or_create(tmp_path / "identity")
        finally:
            os.umask(before)
        assert (tmp_path / "identity").stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o644])
    def test_a_file_that_others_can_read_is_refused(self, tmp_path: Path, mode: int) -> None:
        file = tmp_path / "identity"
        load_or_create(file)
        file.chmod(mode)
        with pytest.raises(StateError, match="chmod 600"):
            load_or_create(file)

    def test_a_symbolic_link_is_refused(self, tmp_path: Path) -> None:
        load_or_create(tmp_path / "identity")
        (tmp_path / "link").symlink_to(tmp_path / "identity")
        (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
        for name in ("link", "dangling"):
            with pytest.raises(StateError, match="symbolic link"):
                load_or_create(tmp_path / name)

    def test_what_is_not_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir(mode=0o700)
        os.mkfifo(tmp_path / "pipe", 0o600)
        for name in ("folder", "pipe"):
            with pytest.raises(StateError, match=f"{name} is not a regular file"):
                load_or_create(tmp_path / name)

    @pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "long", "garbage", "short-seed", "version"])
    def test_a_damaged_file_is_refused_and_left_alone(self, tmp_path: Path, damage: str) -> None:
        file = tmp_path / "identity"
        identity = load_or_create(file)
        text, seed = file.read_text(), identity.seed.reveal().hex()
        changed = {
            "cut": text[:-20],
            "empty": "",
            "flipped": text.replace(seed, ("0" if seed[0] != "0" else "1") + seed[1:]),
            "long": text + " " * 5000,
            "garbage": "\x00\xff",
            "short-seed": text.replace(seed, seed[:-2]),
            "version": text.replace("identity 1", "identity 2"),
        }[damage]
        file.write_text(changed)
        said = f"{file} has format 'antiphon identity 2', not" if damage == "version" else f"{file} is damaged"
        with pytest.raises(StateError, match=said) as caught:
            load_or_create(file)
        assert file.read_text() == changed
        assert seed not in "".join(traceback.format_exception(caught.value))

    def test_a_file_may_be_4096_bytes_long_and_no_longer(self, tmp_path: Path) -> None:
        file = tmp_path / "identity"
        identity = load_or_create(file)
        file.write_text(file.read_text().ljust(4096))
        assert load_or_create(file).node_id == identity.node_id
        file.write_text(file.read_text() + " ")
        with pytest.raises(StateError, match="is damaged"):
            load_or_create(file)

    def test_folders_above_are_made_too(self, tmp_path: Path) -> None:
        load_or_create(tmp_path / "a" / "b" / "identity")
        assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_a_file_of_another_user_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "identity"
        load_or_create(file)
        os.chown(file, 12_345, -1)
        with pytest.raises(StateError, match=f"{file} belongs to another user"):
            load_or_create(file)

    def test_where_no_folder_can_be_made_the_place_is_named(self) -> None:
        with pytest.raises(OutputError, match="cannot be written to /proc/antiphon/identity"):
            load_or_create("/proc/antiphon/identity")

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises((OutputError, StateError), match="file/identity"):
            load_or_create(tmp_path / "file" / "identity")

    def test_all_who_create_it_at_once_get_the_same(self, tmp_path: Path) -> None:
        found: list[str] = []
        barrier = threading.Barrier(8)

        def make() -> None:
            barrier.wait()
            found.append(load_or_create(tmp_path / "identity").node_id)

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len(set(found)) == 1


class TestSecrets:
    def secrets(self) -> list[object]:
        return [Secret(SEED), TaskKey(SEED), Identity.from_seed(SEED)]

    def test_nothing_shows_a_secret(self, caplog: pytest.LogCaptureFixture) -> None:
        shown = []
        with caplog.at_level(logging.DEBUG):
            for value in self.secrets():
                logging.getLogger("test").debug("%s %r", value, value)
                shown += [str(value), repr(value), f"{value}", repr([value]), repr({"k": value})]
                try:
                    raise ProtocolError(f"with {value!r}")
                except ProtocolError:
                    shown.append(traceback.format_exc())
        shown.append(caplog.text)
        for text in shown:
            assert SEED.hex() not in text
            assert repr(SEED)[2:-1] not in text
            assert str(list(SEED))[1:-1] not in text

    def test_a_secret_cannot_be_pickled_or_copied(self) -> None:
        for value in self.secrets():
            for leak in (pickle.dumps, copy.copy, copy.deepcopy):
                with pytest.raises(TypeError, match="cannot be pickled or copied"):
                    leak(value)

    def test_a_secret_is_compared_not_hashed(self) -> None:
        assert Secret(b"a") == Secret(b"a")
        assert Secret(b"a") != Secret(b"b")
        assert Secret(b"a") != b"a"
        with pytest.raises(TypeError):
            hash(Secret(b"a"))

    def test_a_destroyed_secret_is_overwritten_and_gives_nothing(self) -> None:
        secret = Secret(SEED)
        inside = secret._value
        secret.destroy()
        secret.destroy()
        assert inside == bytearray(32)
        assert repr(secret) == "Secret(destroyed)"
        assert secret != Secret(SEED)
        with pytest.raises(ProtocolError, match="destroyed"):
            secret.reveal()

    def test_a_key_that_fails_to_open_shows_nothing(self) -> None:
        key, identity = TaskKey(SEED), Identity.from_seed(SEED)
        for attempt in (
            lambda: sealing.unseal(key, bytes(100), b""),
            lambda: sealing.unwrap(identity, bytes(80), b""),
        ):
            with pytest.raises(ProtocolError) as caught:
                attempt()
            text = "".join(traceback.format_exception(caught.value))
            assert SEED.hex() not in text
            assert repr(SEED)[2:-1] not in text
