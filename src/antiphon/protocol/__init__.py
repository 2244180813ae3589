"""Identities, signed envelopes, sealing, the replay guard and receipts. Pure: no network, no ledger, no sound."""

from antiphon.protocol import canonical, consent, envelope, receipt, sealing
from antiphon.protocol.envelope import Envelope
from antiphon.protocol.identity import Identity, verify
from antiphon.protocol.keystore import load_or_create
from antiphon.protocol.receipt import Receipt
from antiphon.protocol.replay import ReplayGuard
from antiphon.protocol.sealing import StreamOpener, StreamSealer, TaskKey
from antiphon.protocol.secret import Secret

__all__ = [
    "Envelope",
    "Identity",
    "Receipt",
    "ReplayGuard",
    "Secret",
    "StreamOpener",
    "StreamSealer",
    "TaskKey",
    "canonical",
    "consent",
    "envelope",
    "load_or_create",
    "receipt",
    "sealing",
    "verify",
]
