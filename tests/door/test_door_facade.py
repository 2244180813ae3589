"""The door for programs: few names, nothing loaded before it is used, the same fields everywhere."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
import typing

import pytest

import antiphon
from antiphon.door.cloning import Clone, CloneFields
from antiphon.door.composing import Compose, ComposeFields
from antiphon.door.speaking import Say, SayFields

HEAVY = ("numpy", "onnxruntime", "torch", "aiohttp", "click", "msgspec", "av", "ctranslate2")


def test_the_door_has_these_names_and_no_others() -> None:
    assert antiphon.__all__ == [
        "AntiphonError",
        "AsyncNetwork",
        "Clone",
        "Compose",
        "Mode",
        "Network",
        "Outcome",
        "Say",
        "Sound",
        "Waveform",
        "__version__",
    ]
    for name in antiphon.__all__:
        found = getattr(antiphon, name)
        assert name == "__version__" or found.__doc__, name
    assert dir(antiphon) == antiphon.__all__
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        antiphon.Nonsense  # noqa: B018


def test_importing_it_loads_nothing_heavy() -> None:
    seen = subprocess.run(
        [sys.executable, "-c", "import antiphon, sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {name for name in seen if name.split(".")[0] in HEAVY}
    assert [name for name in seen if name.startswith("antiphon")] == ["antiphon"]


def test_the_networks_offer_the_same_verbs_with_the_same_arguments() -> None:
    for name, member in inspect.getmembers(antiphon.AsyncNetwork, inspect.isfunction):
        if name.startswith("_"):
            continue
        same = getattr(antiphon.Network, name)
        assert list(inspect.signature(same).parameters) == list(inspect.signature(member).parameters), name
    assert inspect.signature(antiphon.Network) == inspect.signature(antiphon.AsyncNetwork)


@pytest.mark.parametrize(("order", "fields", "text"), [
    (Say, SayFields, "text"), (Clone, CloneFields, "text"), (Compose, ComposeFields, "prompt"),
])  # fmt: skip
def test_keywords_are_the_fields_of_the_order(order: type, fields: type, text: str) -> None:
    assert dataclasses.is_dataclass(order)
    declared = typing.get_type_hints(order)
    assert typing.get_type_hints(fields) == {name: kind for name, kind in declared.items() if name != text}
