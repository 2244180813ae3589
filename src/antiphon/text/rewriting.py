"""One pass of many patterns over a short text, without those that cannot match.

Most sentences hold no figure and no sign, and most rules want one. What signs a pattern wants is read from the
pattern itself once; a set of the text's characters then tells which rules are worth a search.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
from typing import Any

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_MOST = 16
"""Larger sets of characters are in nearly every text."""
_REPEATS = frozenset(("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"))
# What compiled the pattern; it has no public name (as in Hypothesis, which reads patterns the same way).
_parser: Any = importlib.import_module("re._parser")


class Rewriter:
    """Rules in their order."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = [(pattern, words, needs(pattern)) for pattern, words in rules]

    def __call__(self, text: str) -> str:
        held = set(text)
        for pattern, words, needed in self._rules:
            if any(held.isdisjoint(one) for one in needed):
                continue
            spoken = pattern.sub(words, text)
            if spoken != text:
                text, held = spoken, set(spoken)
        return text


def needs(pattern: re.Pattern[str]) -> tuple[frozenset[str], ...]:
    """Sets of characters; a text without any of one of them holds no match of `pattern`."""
    found = _of_sequence(_parser.parse(pattern.pattern, pattern.flags), bool(pattern.flags & re.IGNORECASE))
    return tuple(sorted(set(found), key=lambda one: (len(one), sorted(one))))


def _of_sequence(sequence: Any, ignore_case: bool) -> list[frozenset[str]]:
    return [one for operation, value in sequence for one in _of_one(str(operation), value, ignore_case)]


def _of_one(operation: str, value: Any, ignore_case: bool) -> list[frozenset[str]]:
    found: list[frozenset[str]] = []
    if operation == "LITERAL":
        found = _of_characters([(operation, value)], ignore_case)
    elif operation == "IN":
        found = _of_characters(value, ignore_case)
    elif operation in _REPEATS and value[0]:
        found = _of_sequence(value[2], ignore_case)
    elif operation == "SUBPATTERN":
        found = _of_sequence(value[3], ignore_case or bool(value[1] & re.IGNORECASE))
    elif operation == "ASSERT":
        found = _of_sequence(value[1], ignore_case)
    elif operation == "ATOMIC_GROUP":
        found = _of_sequence(value, ignore_case)
    elif operation == "BRANCH":
        found = _of_branches([_of_sequence(branch, ignore_case) for branch in value[1]])
    return found


def _of_branches(branches: list[list[frozenset[str]]]) -> list[frozenset[str]]:
    """One of them matches, so one of all their characters must be there."""
    if not all(branches):
        return []
    either = frozenset[str]().union(*(min(branch, key=len) for branch in branches))
    return [either] if len(either) <= _MOST else []


def _of_characters(items: Any, ignore_case: bool) -> list[frozenset[str]]:
    held: set[str] = set()
    for kind, value in items:
        if str(kind) == "LITERAL":
            held.add(chr(value))
        elif str(kind) == "RANGE" and value[1] - value[0] < _MOST:
            held.update(map(chr, range(value[0], value[1] + 1)))
        else:
            return []
    if len(held) > _MOST or (ignore_case and any(char.isalpha() for char in held)):
        return []
    return [frozenset(held)]
