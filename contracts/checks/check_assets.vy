# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Symbolic checks of `assets`: what is divided is all there, for every amount
@license MIT
@dev This contract is its own token. A check fails by Panic(1). Any other revert means that the arguments are none that
     can be.
"""

import assets

initializes: assets

_PANIC: constant(Bytes[36]) = b"\x4e\x48\x7b\x71\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
PPM: constant(uint256) = 1_000_000


@deploy
def __init__():
    assets.__init__(self, 20_000)


@internal
@pure
def _holds(so: bool):
    if not so:
        raw_revert(_PANIC)


@external
def check_contributors_get_all_that_was_earned(earned: uint256):
    assert earned < 2**72
    assets.contributors[1] = [500_001 << 160, 333_333 << 160, 166_666 << 160]
    assets.earned[1] = earned
    before: uint256[3] = [assets._due(1, 0), assets._due(1, 1), assets._due(1, 2)]
    self._holds(before[0] + before[1] + before[2] == earned)
