# pragma version 0.4.3
# SPDX-License-Identifier: MIT
"""
@title Signed: whether an address has signed something for this contract, on this chain (EIP-712, EIP-2098)
@license MIT
"""

_DOMAIN: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168


@internal
@view
def _domain() -> bytes32:
    # Made anew each time: after a fork of the chain, what was signed for one branch settles nothing on the other.
    return keccak256(abi_encode(_DOMAIN, keccak256("Antiphon quorum"), keccak256("1"), chain.id, self))


@internal
@pure
def _digest(domain: bytes32, content: bytes32) -> bytes32:
    return keccak256(concat(b"\x19\x01", domain, content))


@internal
@pure
def _check(digest: bytes32, signature: uint256[2], signer: address):
    """
    @param signature r and vs.
    """
    s: uint256 = signature[1] & (2**255 - 1)
    assert s <= _HALF_ORDER, "signed: malleable signature"
    assert signer != empty(address), "signed: signed by nobody"
    assert ecrecover(digest, (signature[1] >> 255) + 27, signature[0], s) == signer, "signed: wrong signature"
