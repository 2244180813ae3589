"""Evaluation: how a validator turns a delivery into a vote, service by service."""

from __future__ import annotations

from antiphon.nodes.evaluation.base import Evaluator, Submission

__all__ = ["Evaluator", "Submission"]
