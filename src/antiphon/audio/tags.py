"""What a file tells of itself: title, artist, a comment and its loop, in the form of each container."""

from __future__ import annotations

from dataclasses import dataclass

MAX_TAG_CHARS = 200


@dataclass(frozen=True, slots=True)
class Tags:
    """Empty fields are not written. Longer ones than `MAX_TAG_CHARS` are cut."""

    title: str = ""
    artist: str = ""
    comment: str = ""
    loop_s: float | None = None
    """Where a piece ends that plays round and round: wav, ogg and opus say so."""
    loop_from_s: float = 0.0
    """Where it begins again: after its introduction, if it has one."""

    def fields(self) -> dict[str, str]:
        """What there is to write, on one line each."""
        found = {"title": self.title, "artist": self.artist, "comment": self.comment}
        return {name: " ".join(value.split())[:MAX_TAG_CHARS] for name, value in found.items() if value.strip()}


def id3(tags: Tags) -> bytes:
    """The tags as an ID3v2.4 tag for the beginning of an MP3; nothing when there are none. Source: id3.org, 2.4.0."""
    names = {"title": b"TIT2", "artist": b"TPE1", "comment": b"COMM"}
    frames = b""
    for field, value in tags.fields().items():
        language = b"und\x00" if field == "comment" else b""  # and an empty description
        content = b"\x03" + language + value.encode("utf-8", "replace")  # 3: UTF-8
        frames += names[field] + _synchsafe(len(content)) + b"\x00\x00" + content
    return b"ID3\x04\x00\x00" + _synchsafe(len(frames)) + frames if frames else b""


def _synchsafe(number: int) -> bytes:
    """28 bits in four bytes of seven, so that no byte looks like the beginning of a frame of sound."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
