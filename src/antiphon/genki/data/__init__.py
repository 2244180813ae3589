"""Private collections of clips: what is known of each, whether it can be trained on, and what may be told of it.

Nothing here opens a connection or knows a module that could; `lint-imports` and a test that forbids sockets check it.
"""

from antiphon.genki.data.adding import Outcome, What, add
from antiphon.genki.data.checking import Finding, check
from antiphon.genki.data.collection import Collection, collections, name_for
from antiphon.genki.data.sidecar import Sidecar, edited
from antiphon.genki.data.sketch import Sketch, declared, read_sketch, shared

__all__ = [
    "Collection",
    "Finding",
    "Outcome",
    "Sidecar",
    "Sketch",
    "What",
    "add",
    "check",
    "collections",
    "declared",
    "edited",
    "name_for",
    "read_sketch",
    "shared",
]
