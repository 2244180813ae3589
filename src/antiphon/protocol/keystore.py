"""An identity's file: created once, readable by its owner only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from antiphon import durable
from antiphon.errors import OutputError, StateError
from antiphon.protocol.identity import SEED_BYTES, Identity

FORMAT = "antiphon identity 1"
MAX_FILE_BYTES = 4096


class _Stored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    node: str
    seed: str


def load_or_create(path: str | os.PathLike[str]) -> Identity:
    """The identity in `path`; made anew (file mode 0600, folder 0700) when there is none.

    Raises StateError if the file is a link, is readable by others, belongs to somebody else or is damaged, and
    OutputError if it cannot be written. Of two processes that create it at once, both get the same identity.
    """
    file = Path(path)
    try:
        return _load(file)
    except FileNotFoundError:
        pass
    try:
        _create(file, Identity.generate())
    except FileExistsError:
        pass
    except OSError as e:
        raise OutputError(f"The identity cannot be written to {file}: {e.strerror}", "Choose another folder.") from e
    try:
        return _load(file)
    except FileNotFoundError as e:
        raise StateError(f"{file} vanished while it was created", "Try again.") from e


def _load(file: Path) -> Identity:
    try:
        handle = os.open(file, os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as e:
        if file.is_symlink():
            raise StateError(f"{file} is a symbolic link", "Name the file itself.") from e
        raise StateError(f"{file} cannot be opened: {e.strerror}", "Check its owner and mode.") from e
    try:
        _check_owner(file, os.fstat(handle))
        raw = os.read(handle, MAX_FILE_BYTES + 1)
    finally:
        os.close(handle)
    return _parse(file, raw)


def _check_owner(file: Path, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise StateError(f"{file} is not a regular file", "Name the identity's file.")
    if info.st_mode & 0o077:
        raise StateError(
            f"{file} can be read by others (mode {stat.S_IMODE(info.st_mode):o})", f"Run: chmod 600 {file}"
        )
    if info.st_uid != os.geteuid():
        raise StateError(f"{file} belongs to another user", "Run as its owner, or create an own identity.")


def _parse(file: Path, raw: bytes) -> Identity:
    # `from None`: the parser's message could quote the seed.
    damaged = StateError(f"{file} is damaged", "Restore it from a backup; a new identity has no stake and no money.")
    if len(raw) > MAX_FILE_BYTES:
        raise damaged
    try:
        stored = msgspec.json.decode(raw, type=_Stored)
        seed = bytes.fromhex(stored.seed)
    except (msgspec.MsgspecError, ValueError):
        raise damaged from None
    if stored.format != FORMAT:
        raise StateError(f"{file} has format {stored.format[:40]!r}, not {FORMAT!r}", "Use the version that wrote it.")
    if len(seed) != SEED_BYTES:
        raise damaged
    identity = Identity.from_seed(seed)
    if identity.node_id != stored.node:
        raise damaged
    return identity


def _create(file: Path, identity: Identity) -> None:
    """The name appears with its whole content, and never replaces another file."""
    stored = _Stored(format=FORMAT, node=identity.node_id, seed=identity.seed.reveal().hex())
    durable.create(file, msgspec.json.format(msgspec.json.encode(stored)) + b"\n")
