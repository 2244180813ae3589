"""Secure aggregation: the coordinator of a round learns the sum of all updates, and none of them.

The protocol is that of Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning" (CCS
2017), with its consistency round against a coordinator that lies about who is gone. Its parts are X25519, HKDF,
ChaCha20 and ChaCha20-Poly1305 of the library `cryptography`, and Flower's Shamir shares (over PyCryptodome). Flower's
own SecAgg+ is not used: it draws masks by a generator with a seed of 32 bits, which can be tried out one by one, and
has no consistency round (docs/decisions/0035-secure-aggregation.md).
"""
