"""From the sound of a book to its file: AAC in MP4 with chapters, tags and a cover, packet by packet."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from antiphon.audio.writing import output_error
from antiphon.books.book import Book
from antiphon.books.timeline import Mark
from antiphon.errors import InputError

SUFFIXES = (".m4b", ".m4a", ".mp4")
_FRAME = 1_024
"""Samples of an AAC packet; the encoder puts as many of its own before the sound."""
_FORMS = {b"\xff\xd8\xff": "jpeg_pipe", b"\x89PNG\r\n\x1a\n": "png_pipe"}


def check_cover(cover: bytes, name: str) -> None:
    """Raises `InputError` for what is neither JPEG nor PNG."""
    if not picture_form(cover):
        raise InputError(f"{name} is neither a JPEG nor a PNG", "Give the cover as one of them: --cover FILE.")


def bind(sound: Path, output: Path, book: Book, marks: Sequence[Mark], narrator: str = "") -> None:
    """Put AAC (ADTS) into `output`, whole or not at all; the sound is copied, not coded again.

    Raises `OutputError`.
    """
    import av

    part = output.with_name(f".{output.name}.part")
    try:
        _write(sound, part, book, marks, narrator)
        part.replace(output)
    except (OSError, av.FFmpegError) as error:
        raise output_error(str(output), error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def picture_form(picture: bytes) -> str:
    """The demuxer of a JPEG or PNG; "" for anything else."""
    return next((form for magic, form in _FORMS.items() if picture.startswith(magic)), "")


def _write(sound: Path, part: Path, book: Book, marks: Sequence[Mark], narrator: str) -> None:
    import av

    with av.open(str(sound), "r") as source, av.open(str(part), "w", "mp4", options={"brand": "M4B "}) as target:
        track = source.streams.audio[0]
        copy: Any = target.add_stream_from_template(track)
        cover = _Cover(target, book.cover) if book.cover else None
        target.metadata.update(_tags(book, narrator))
        target.start_encoding()
        if cover is not None:
            cover.write()
        time_base, number = Fraction(1, track.rate), 0
        for packet in source.demux(track):
            if packet.size:
                packet.stream, packet.time_base = copy, time_base
                # The encoder's own samples come before zero: an edit list leaves them out.
                packet.pts = packet.dts = (number - 1) * _FRAME
                packet.duration = _FRAME
                number += 1
                target.mux(packet)
        target.set_chapters(_chapters(marks, max(number - 1, 0) * _FRAME / track.rate))


class _Cover:
    """A picture on its way into a container; one that cannot be read is left out."""

    def __init__(self, target: Any, cover: bytes) -> None:
        import av
        from av.stream import Disposition

        self._target, self._packet, self._stream = target, None, None
        form = picture_form(cover)
        if not form:
            return
        # The demuxer is named: a playlist that calls itself a picture would fetch what it lists.
        with (
            contextlib.suppress(av.FFmpegError, IndexError, ValueError),
            av.open(io.BytesIO(cover), "r", form) as picture,
        ):
            video = picture.streams.video[0]
            self._packet = next((packet for packet in picture.demux(video) if packet.size), None)
            if self._packet is not None and video.width and video.height:
                self._stream = target.add_stream_from_template(video)
                self._stream.disposition = Disposition.attached_pic

    def write(self) -> None:
        """Once the container has begun."""
        if self._packet is not None and self._stream is not None:
            self._packet.stream, self._packet.pts, self._packet.dts = self._stream, 0, 0
            self._target.mux(self._packet)


def _tags(book: Book, narrator: str) -> dict[str, str]:
    """`composer` is where players look for who reads."""
    found = {
        "title": book.title,
        "album": book.title,
        "artist": book.author,
        "album_artist": book.author,
        "composer": narrator,
        "genre": "Audiobook",
        "comment": "Made with Antiphon",
    }
    return {name: value for name, value in found.items() if value}


def _chapters(marks: Sequence[Mark], seconds: float) -> list[Any]:
    """In milliseconds; each ends where the next one begins."""
    begins = [round(mark.begin_s * 1000) for mark in marks]
    return [
        {"id": number, "start": begin, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": mark.title}}
        for number, (mark, begin, end) in enumerate(
            zip(marks, begins, [*begins[1:], max(round(seconds * 1000), *begins[-1:])], strict=True)
        )
    ]
