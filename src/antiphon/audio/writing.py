"""Writing audio to a file, standard output or any binary stream, as it is made."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import sys
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal

from antiphon.audio.encoding import NO_TAGS, Encoder, Patch, encoder_for
from antiphon.audio.formats import Format, format_named
from antiphon.audio.tags import Tags
from antiphon.audio.waveform import Waveform
from antiphon.errors import OutputError, is_full

_STDOUT = "-"


class AudioWriter:
    """Encodes waveforms of `rate_hz` and `channels` into `target` with flat memory.

    A new file grows under its own name, playable up to its last write whatever ends the process. One that was there
    stays as it was until `close`: what replaces it grows beside it (`book.part.opus`). `keep` ends a file that lacks
    its end; `abort` (or an error inside `with`) removes it. `-` is standard output; a stream is written as it is and
    left open. Every failure of the target raises `OutputError` saying what to do; then `keep` still saves what there
    is.
    """

    def __init__(
        self,
        target: Path | str | BinaryIO,
        fmt: Format | str,
        rate_hz: int,
        channels: int = 1,
        *,
        tags: Tags = NO_TAGS,
    ) -> None:
        form = format_named(fmt) if isinstance(fmt, str) else fmt
        self._rate_hz, self._channels = rate_hz, channels
        self._target = _open_target(target)
        self._encoder: Encoder | None = None
        self._unfinished: Encoder | None = None  # some of its bytes did not fit
        try:
            self._encoder = encoder_for(form, rate_hz, channels, seekable=self._target.seekable, tags=tags)
        except BaseException:
            self._target.abort()
            raise

    def write(self, waveform: Waveform) -> None:
        """Append `waveform`; its bytes have left this process when `write` returns, except one codec frame or page."""
        if self._encoder is None:
            raise ValueError("AudioWriter is closed")
        if waveform.rate_hz != self._rate_hz or waveform.samples.shape[0] != self._channels:
            raise ValueError(
                f"AudioWriter takes {self._channels} channels at {self._rate_hz} Hz, "
                f"got {waveform.samples.shape[0]} at {waveform.rate_hz} Hz"
            )
        step = 10 * self._rate_hz
        for start in range(0, waveform.samples.shape[1], step):
            block = Waveform(waveform.samples[:, start : start + step], self._rate_hz)
            try:
                self._target.write(self._encoder.encode(block))
                self._target.patch(self._encoder)
            except OutputError:
                self._encoder, self._unfinished = None, self._encoder  # what it would say at its end is not so
                raise

    @property
    def file(self) -> Path | None:
        """The regular file that grows, under the name it has now; None for a stream."""
        return self._target.file

    def close(self) -> None:
        """Finish the container and put the file in its place. A second call does nothing."""
        encoder, self._encoder = self._encoder, None
        if encoder is None:
            return
        try:
            self._target.write(encoder.finish())
            self._target.close(encoder.patches())
        except OutputError:
            self._unfinished = encoder
            raise

    def keep(self, *, over: bool) -> Path | None:
        """End a file that lacks its end, full disk or not: what was written stays, playable. Returns where it lies.

        `over` puts it in the place of a file that was there before; otherwise that one stays, and this one beside it.
        """
        encoder, self._encoder = self._encoder, None
        patches = None
        if encoder is not None:
            with contextlib.suppress(OutputError):
                self._target.write(encoder.finish())
                patches = encoder.patches()
        else:
            encoder, self._unfinished = self._unfinished, None
        if encoder is None:
            return None
        return self._target.keep(encoder, patches, over=over)

    def abort(self) -> None:
        """Give up: no file is left, and one that was there before stays as it was."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            encoder.finish()
        self._target.abort()

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        try:
            if kind is None:
                self.close()
        finally:
            self.abort()
        return False


def beside(path: Path) -> Path:
    """Where a file grows while another still has its name: playable, so with the same suffix."""
    return path.with_name(f"{path.stem[:200]}.part{path.suffix}")


class _Stream:
    """A target that is written forward only and stays the caller's."""

    seekable = False
    file: Path | None = None

    def __init__(self, stream: BinaryIO, name: str, *, owned: bool = False) -> None:
        self._stream, self._name, self._owned = stream, name, owned

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                # A raw stream may take only a part.
                view = view[self._stream.write(view) :]
            self._stream.flush()
        except (OSError, ValueError) as error:
            self.abort()
            raise output_error(self._name, error) from error

    def patch(self, _encoder: Encoder) -> None:
        return

    def close(self, _patches: list[Patch]) -> None:
        self.abort()

    def keep(self, _encoder: Encoder, _patches: list[Patch] | None, *, over: bool) -> Path | None:  # noqa: ARG002
        self.abort()
        return None

    def abort(self) -> None:
        if self._owned:
            with contextlib.suppress(OSError):
                self._stream.close()


class _File:
    """A regular file: under its own name where there was none, else beside the one that it will replace."""

    seekable = True

    def __init__(self, path: Path) -> None:
        self._shown = path
        # Through a link, so that the file it points to is replaced and not the link.
        self._path = Path(os.path.realpath(path))
        self._size = 0  # of what was written whole
        self._done = False
        try:
            self._file, self._part = self._grown()
        except OSError as error:
            raise output_error(str(path), error) from error

    def _grown(self) -> tuple[FileIO, Path]:
        """A new file, opened. Names in their order: its own, `.part` beside it, another beside it."""
        stem, suffix = self._path.stem[:200], self._path.suffix
        for part in (self._path, beside(self._path)):
            with contextlib.suppress(FileExistsError):
                return part.open("xb", buffering=0), part
        part = self._path.with_name(f"{stem}.part-{secrets.token_hex(4)}{suffix}")
        return part.open("xb", buffering=0), part

    @property
    def file(self) -> Path | None:
        return self._part

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:  # unbuffered: whatever ends the process, this much is there
                view = view[self._file.write(view) :]
            self._size += len(data)
        except OSError as error:
            raise output_error(str(self._shown), error) from error

    def patch(self, encoder: Encoder) -> None:
        self._apply(encoder.so_far(self._size))

    def _apply(self, patches: list[Patch]) -> None:
        if not patches:
            return
        try:
            for offset, data in patches:
                self._file.seek(offset)
                self._file.write(data)
            self._file.seek(self._size)
        except OSError as error:
            raise output_error(str(self._shown), error) from error

    def close(self, patches: list[Patch]) -> None:
        self._apply(patches)
        try:
            # A full disk may show itself only here.
            self._sync()
            self._place()
        except OSError as error:
            raise output_error(str(self._shown), error) from error
        self._done = True

    def keep(self, encoder: Encoder, patches: list[Patch] | None, *, over: bool) -> Path | None:
        """`patches` None: its last bytes could not be written, so what stands is cut where it was whole."""
        self._done = True
        with contextlib.suppress(OSError, OutputError):
            if patches is None:
                self._file.truncate(self._size)
            self._apply(encoder.so_far(self._size) if patches is None else patches)
            self._sync()
        if self._part != self._path and over:
            with contextlib.suppress(OSError):
                self._place()
                return self._path
        return self._part

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()

    def _place(self) -> None:
        if self._part == self._path:
            return
        if self._path.exists():
            shutil.copymode(self._path, self._part)
        self._part.replace(self._path)

    def abort(self) -> None:
        if self._done:
            return
        self._done = True
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)


def _open_target(target: Path | str | BinaryIO) -> _File | _Stream:
    if not isinstance(target, (Path, str)):
        return _Stream(target, str(getattr(target, "name", "the output stream")))
    if str(target) == _STDOUT:
        if sys.stdout.isatty():
            raise OutputError("Audio would be written to the terminal", "Add a pipe, a redirection or -o FILE.")
        return _Stream(sys.stdout.buffer, "standard output")
    path = Path(target)
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        return _File(path)
    except OSError as error:
        raise output_error(str(path), error) from error
    if stat.S_ISDIR(kind):
        raise OutputError(f"{str(path)!r} is a folder", f"Name a file in it, such as {path / 'speech.wav'}.")
    if not os.access(path, os.W_OK):
        raise OutputError(f"{str(path)!r} is write-protected", "Choose another name, or allow writing (chmod u+w).")
    if stat.S_ISREG(kind):
        return _File(path)
    try:  # a device or a named pipe: nothing to rename
        return _Stream(path.open("wb", buffering=0), str(path), owned=True)
    except OSError as error:
        raise output_error(str(path), error) from error


def output_error(name: str, error: Exception) -> OutputError:
    """What is told of a file that could not be written, and what to do."""
    if isinstance(error, FileNotFoundError):
        return OutputError(f"The folder of {name!r} does not exist", f"Create it: mkdir -p {Path(name).parent}.")
    if isinstance(error, PermissionError):
        return OutputError(f"No permission to write {name!r}", "Choose a folder that you may write to.")
    if isinstance(error, BrokenPipeError):
        return OutputError(f"The reader of {name} went away before the audio ended", "Nothing more was written.")
    if isinstance(error, OSError) and is_full(error):
        return OutputError(f"The disk is full while writing {name!r}", "Free some space or choose another folder.")
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"Cannot write {name!r}: {reason}", "Choose another output.")
