"""The primitives answer as their specifications say."""

from __future__ import annotations

import pytest
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from antiphon.errors import ProtocolError
from antiphon.protocol import verify
from antiphon.protocol.identity import HPKE_SUITE, derive

h = bytes.fromhex

# RFC 8032, 7.1: secret key, public key, message, signature.
ED25519 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]

# RFC 7748, 5.2: scalar, u, result.
X25519 = [
    (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
]

# RFC 5869, A.1-A.3: input keying material, salt, info, first 32 bytes of output keying material.
HKDF = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c",
    ),
    ("0b" * 22, "", "", "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), ED25519)
def test_ed25519_signs_and_verifies_as_in_rfc_8032(secret: str, public: str, message: str, signature: str) -> None:
    _, private = crypto_sign_seed_keypair(h(secret))
    assert crypto_sign(h(message), private)[:64] == h(signature)
    verify(public, h(signature), h(message))
    with pytest.raises(ProtocolError, match="Bad signature"):
        verify(public, h(signature), h(message) + b"x")


def test_a_signature_whose_scalar_was_shifted_by_the_group_order_is_refused() -> None:
    _, public, message, signature = ED25519[0]
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(h(signature)[32:], "little") + order
    with pytest.raises(ProtocolError, match="Bad signature"):
        verify(public, h(signature)[:32] + scalar.to_bytes(32, "little"), h(message))


@pytest.mark.parametrize(("scalar", "u", "result"), X25519)
def test_x25519_agrees_as_in_rfc_7748(scalar: str, u: str, result: str) -> None:
    assert X25519PrivateKey.from_private_bytes(h(scalar)).exchange(X25519PublicKey.from_public_bytes(h(u))) == h(result)


@pytest.mark.parametrize(("secret", "salt", "info", "expected"), HKDF)
def test_keys_are_derived_as_in_rfc_5869(secret: str, salt: str, info: str, expected: str) -> None:
    assert derive(h(secret), salt=h(salt), info=h(info)) == h(expected)


def test_chacha20_poly1305_seals_as_in_rfc_8439() -> None:
    plaintext = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
        b"sunscreen would be it."
    )
    sealed = ChaCha20Poly1305(bytes(range(0x80, 0xA0))).encrypt(
        h("070000004041424344454647"), plaintext, h("50515253c0c1c2c3c4c5c6c7")
    )
    assert sealed.hex() == (
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e06"
        "0b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d265"
        "86cec64b6116"
        "1ae10b594f09e26a7e902ecbd0600691"
    )


def test_hpke_opens_as_in_rfc_9180() -> None:
    """A.2.1.1, base mode of our suite. The vector has associated data, which single-shot messages of ours have not: its
    own ciphertext shows key and nonce to be right, and a message under that key and nonce opens."""
    key, nonce = h("ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91"), h("5c4d98150661b848853b547f")
    plaintext = b"Beauty is truth, truth beauty"
    from_rfc = h("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28")
    assert ChaCha20Poly1305(key).decrypt(nonce, from_rfc, b"Count-0") == plaintext

    recipient = X25519PrivateKey.from_private_bytes(
        h("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb")
    )
    encapsulated = h("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a")
    message = encapsulated + ChaCha20Poly1305(key).encrypt(nonce, plaintext, b"")
    assert HPKE_SUITE.decrypt(message, recipient, b"Ode on a Grecian Urn") == plaintext


@pytest.mark.parametrize(
    ("length", "digest"),
    [  # BLAKE3's own test vectors: input bytes count up modulo 251
        (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
    ],
)
def test_blake3(length: int, digest: str) -> None:
    assert blake3(bytes(n % 251 for n in range(length))).hexdigest() == digest
