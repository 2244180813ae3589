"""Model files: declared once in `catalog`, found, verified and loaded here; nobody opens a weight file on their own."""

from __future__ import annotations

from antiphon.models.catalog import CATALOG, FilePiece, Model, ModelFile, find
from antiphon.models.hub import Hub
from antiphon.models.loader import (
    Loader,
    freed_after,
    installed,
    open_session,
    path,
    read,
    require,
    run_session,
    session,
    use_folder,
    use_hub,
)

__all__ = [
    "CATALOG",
    "FilePiece",
    "Hub",
    "Loader",
    "Model",
    "ModelFile",
    "find",
    "freed_after",
    "installed",
    "open_session",
    "path",
    "read",
    "require",
    "run_session",
    "session",
    "use_folder",
    "use_hub",
]
