"""Model assets: what they are, where they lie, whose they are, and what they earn.

An asset is the hash of its manifest: a card, and each file by name, size and hash (`manifest`). Its files lie in a
store that nobody has to trust (`depot`), and on this machine on a `Shelf`. Whose it is, the ledger says (`registry`).
"""

from antiphon.dama.depot import Depot, Pulled, Pushed
from antiphon.dama.manifest import AssetFile, Card, Manifest, SignedManifest, asset_id, open_signed, sign
from antiphon.dama.packing import pack, shipped
from antiphon.dama.shelf import Shelf

__all__ = [
    "AssetFile",
    "Card",
    "Depot",
    "Manifest",
    "Pulled",
    "Pushed",
    "Shelf",
    "SignedManifest",
    "asset_id",
    "open_signed",
    "pack",
    "shipped",
    "sign",
]
