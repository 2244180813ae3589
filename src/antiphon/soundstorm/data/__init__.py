"""Training data: folders of audio to sharded, memory-mapped token sets, and other projects' layouts."""

from __future__ import annotations

from antiphon.soundstorm.data.layouts import read_seed, write_seed
from antiphon.soundstorm.data.manifest import Entry, Rejected, find, read_list, write_list
from antiphon.soundstorm.data.preparing import Makers, Report, prepare
from antiphon.soundstorm.data.shards import Part, Shards

__all__ = [
    "Entry",
    "Makers",
    "Part",
    "Rejected",
    "Report",
    "Shards",
    "find",
    "prepare",
    "read_list",
    "read_seed",
    "write_list",
    "write_seed",
]
