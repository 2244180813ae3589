"""What a form brought is kept whole or not at all."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import pytest

from antiphon.gateway.errors import ApiError
from antiphon.gateway.forms import keep_uploads


class Full(io.BytesIO):
    """The disk has no room for it."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().read(size)


def test_files_are_kept_in_order_and_heard(tmp_path: Path) -> None:
    heard = bytearray()
    kept = keep_uploads(tmp_path / "uploads", [io.BytesIO(b"voice"), io.BytesIO(b"grant")], heard.extend)
    assert [path.read_bytes() for path in kept] == [b"voice", b"grant"]
    assert heard == b"voicegrant"
    assert (tmp_path / "uploads").stat().st_mode & 0o777 == 0o700


def test_where_one_file_finds_no_room_none_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="No space left") as caught:
        keep_uploads(tmp_path, [io.BytesIO(b"voice"), Full(b"grant")])
    assert (caught.value.status, caught.value.code) == (507, "not_kept")
    assert not list(tmp_path.iterdir())
