"""Which deliveries are audited step by step, and where: chance that nobody knew when they were delivered.

An engine that can be audited commits to how it made its result (`Deliver.trace_root`). The draw of the seats
(`beacon.both`) then also tells whether this round audits the delivery, and seeds what is opened. All seats of a round
audit the same, so that they agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from antiphon.economy.beacon import Draws
from antiphon.economy.types import PPM, Rules


def audit_beacon(draw: bytes, rules: Rules, earlier: Iterable[bytes] = ()) -> bytes | None:
    """What chooses the passes to be opened, 32 bytes; None when this draw of seats audits nothing.

    `earlier`: the draws of the same delivery before. Once one audits it, all after it do: else whoever shows nothing
    that fits would only wait for a round without an audit.
    """
    if all(Draws(one, "audit").below(PPM) >= rules.audit_ppm for one in (*earlier, draw)):
        return None
    return sha256(b"antiphon/1 audit\0" + draw).digest()
