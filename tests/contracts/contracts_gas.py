"""Gas as a transaction of its own pays it."""

from __future__ import annotations

import boa


class Meter:
    """Measures every call of this environment, which can go back to no anchor any more. `gas` is that of the last one.

    What a transaction costs before any code runs (21,000, and 4 or 16 for each byte sent) is included, and what it gets
    back for cleared storage is taken off.
    """

    def __init__(self) -> None:
        self.gas = 0
        self._execute = boa.env.execute_code
        boa.env.execute_code = self._measured

    def _measured(self, *args: object, **kwargs: object) -> object:
        # Nothing is warm, and what storage holds now is what it held before.
        boa.env.evm.vm.state.lock_changes()
        boa.env.evm.reset_access_counters()
        computation = self._execute(*args, **kwargs)
        sent = sum(16 if byte else 4 for byte in kwargs.get("data", b"") or b"")
        total = 21_000 + sent + computation.get_gas_used()
        # EIP-3529: at most a fifth comes back.
        self.gas = total - min(computation.get_gas_refund(), total // 5)
        return computation
