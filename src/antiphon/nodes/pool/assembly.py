"""One result out of what several workers make of the same job. Pure; its rules:

1. Whatever comes first at a place counts, from whichever run; nothing comes twice.
2. A run that says something else at a place, or leaves a gap, is out: two halves of different sounds are no sound.
3. The result is complete when a run that is not out ends where the result ends.
"""

from __future__ import annotations


class Assembly:
    """The bytes so far, and which runs can still go on."""

    def __init__(self) -> None:
        self.made = bytearray()
        self._out: set[str] = set()

    def take(self, run: str, offset: int, piece: bytes) -> bytes:
        """What of a piece is new."""
        if run in self._out:
            return b""
        known = self.made[offset : offset + len(piece)]
        if offset > len(self.made) or piece[: len(known)] != known:
            self._out.add(run)
            return b""
        new = piece[len(known) :]
        self.made += new
        return new

    def drop(self, run: str) -> None:
        """The run has failed."""
        self._out.add(run)

    def is_out(self, run: str) -> bool:
        return run in self._out

    def ends(self, run: str, size: int) -> bool:
        """Whether a run that ended after `size` bytes has completed the result."""
        if run not in self._out and size != len(self.made):
            self._out.add(run)
        return run not in self._out
