"""Listening: how a validator turns a delivery into a vote, service by service."""

from __future__ import annotations

from antiphon.nodes.listening.base import Listener, Submission

__all__ = ["Listener", "Submission"]
