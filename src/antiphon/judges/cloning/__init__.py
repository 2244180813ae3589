"""Judging cloned voices: enrolments, and clones of text and of recordings."""

from __future__ import annotations

from antiphon.judges.cloning.echo import echo_share
from antiphon.judges.cloning.expectation import clone_expectation, enrolment_expectation
from antiphon.judges.cloning.meters import CloneMeters
from antiphon.judges.cloning.voice_profile import Render, describe, read_profile, write_profile

__all__ = [
    "CloneMeters",
    "Render",
    "clone_expectation",
    "describe",
    "echo_share",
    "enrolment_expectation",
    "read_profile",
    "write_profile",
]
