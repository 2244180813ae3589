"""Judging cloned voices: enrolments, and clones of text and of recordings."""

from __future__ import annotations

from antiphon.judges.cloning.echo import echo_share
from antiphon.judges.cloning.expectation import clone_expectation, enrolment_expectation
from antiphon.judges.cloning.judge import CloneJudge
from antiphon.judges.cloning.profile import Render, describe, read_profile, write_profile

__all__ = [
    "CloneJudge",
    "Render",
    "clone_expectation",
    "describe",
    "echo_share",
    "enrolment_expectation",
    "read_profile",
    "write_profile",
]
