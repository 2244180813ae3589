"""A collection as goods of the market: sealed into a store, its key sold through the ledger, all checked by hashes.

What is not shared stays where it is (`genki.data`). Nothing here knows money or nodes: who sells is `nodes.selling`.
"""

from antiphon.genki.sharing.buying import Purchase
from antiphon.genki.sharing.offer import SERVICE, SignedOffer
from antiphon.genki.sharing.sealed import every_offer, find_offer
from antiphon.genki.sharing.selling import KEY_NAME, share, sold_here, withdraw

__all__ = [
    "KEY_NAME",
    "SERVICE",
    "Purchase",
    "SignedOffer",
    "every_offer",
    "find_offer",
    "share",
    "sold_here",
    "withdraw",
]
