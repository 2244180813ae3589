"""Where the sound of a job goes: brought to its loudness, encoded, playable up to wherever the job ends."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from antiphon.cli.levels import Whole, level_for
from antiphon.errors import AntiphonError, OutputError

if TYPE_CHECKING:
    from antiphon.audio import Format, Tags, Waveform
    from antiphon.cli.options import OutputOptions

BYTES_PER_S = {"wav": 48_000, "pcm": 48_000, "flac": 30_000, "mp3": 8_000, "ogg": 9_000, "opus": 6_000}
"""What a second of speech takes, roughly: to see before a book that it will not fit."""
KEPT_BYTES_PER_S = 30_000
"""The same for what a job keeps until it is complete."""


class Sink:
    """One output of one job. A whole that is to have one gain grows as a draft, and is written again at the end."""

    def __init__(
        self,
        options: OutputOptions,
        form: Format,
        rate_hz: int,
        channels: int,
        *,
        tags: Tags,
        ours: Callable[[Path], bool],
    ) -> None:
        """`ours` tells whether a file that is there was left by an earlier run of the same job."""
        from antiphon.audio import AudioWriter
        from antiphon.audio.writing import beside

        self._path = None if options.output == "-" else Path(options.output)
        self._ours = self._path is not None and ours(self._path)
        self._open: Callable[[], AudioWriter] = lambda: AudioWriter(options.output, form, rate_hz, channels, tags=tags)
        self._whole = (
            Whole(options, rate_hz, channels) if options.as_one and options.loudness_lufs is not None else None
        )
        self._level = level_for(options, rate_hz, channels)
        if self._path is not None and ours(beside(self._path)):  # what a killed run left
            with contextlib.suppress(OSError):
                beside(self._path).unlink()
        self._writer = self._open()
        self._began = False

    @property
    def file(self) -> Path | None:
        """The regular file that grows; None for a stream."""
        return self._writer.file

    def write(self, audio: Waveform) -> None:
        """Append what comes next. Raises `OutputError`."""
        if self._whole is not None:
            self._whole.push(audio)
        if self._whole is None or self.file is not None:  # a pipe gets the whole, and no draft
            self._began = True
            self._writer.write(audio if self._level is None else self._level.push(audio))

    def finish(self) -> None:
        """The job is complete: so is its file. Raises `OutputError`; then `keep` still saves what there is."""
        if self._whole is None:
            self._flush()
            self._writer.close()
            return
        if self.file is None:
            self._writer.write(self._whole.finish())
            self._writer.close()
            return
        in_place = self._path is not None and self.file == Path(os.path.realpath(self._path))
        final = self._open()  # beside the draft, which stays until this one is whole
        try:
            final.write(self._whole.finish())
            if in_place:
                self._writer.keep(over=False)  # closed, and now replaced
            final.close()
        except BaseException:
            final.abort()
            raise
        if not in_place:
            self._writer.abort()

    def keep(self) -> Path | None:
        """The job ends early: what was written stays, playable. None when there is nothing to keep.

        A file that was there before stays in its place, unless an earlier run of the same job left it and this one is
        longer.
        """
        if not self._began:
            self._writer.abort()
            return None
        with contextlib.suppress(AntiphonError, ValueError):  # no room, or closed after there was none
            self._flush()
        if self.file is None or self._path is None:
            self._writer.abort()
            return None
        longer = not self._path.exists() or self.file.stat().st_size >= self._path.stat().st_size
        if self._ours and not longer:
            self._writer.abort()
            return self._path
        return self._writer.keep(over=self._ours) or self.file

    def abort(self) -> None:
        """Nothing is left."""
        self._writer.abort()

    def _flush(self) -> None:
        """Write what was held back to see peaks coming."""
        if self._level is not None:
            self._writer.write(self._level.finish())


def require_room(seconds: float, form: str, output: str, home: Path | None) -> None:
    """Raise `OutputError` when so much sound cannot fit on the disk, or what is kept of it in `home`."""
    wanted: dict[Path, float] = {}
    if output != "-" and not Path(output).is_dir():
        wanted[Path(output).absolute().parent] = seconds * BYTES_PER_S.get(form, max(BYTES_PER_S.values()))
    if home is not None:
        wanted[home] = seconds * KEPT_BYTES_PER_S
    for folder, need in wanted.items():
        place = next((one for one in (folder, *folder.parents) if one.exists()), None)
        if place is None:
            continue
        same = sum(other for one, other in wanted.items() if _device(one) == _device(place))
        if (free := shutil.disk_usage(place).free) < max(need, same):
            raise OutputError(
                f"About {_size(max(need, same))} are needed in {place}, and {_size(free)} are free",
                "Free some space, or choose another place (-o, --home) or a smaller format such as opus.",
            )


def _device(folder: Path) -> int:
    place = next((one for one in (folder, *folder.parents) if one.exists()), Path("/"))
    return place.stat().st_dev


def _size(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} KB"
