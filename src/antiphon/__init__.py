"""Antiphon: an open network that turns text into audio.

    with antiphon.Network() as network:
        network.say("Hello.").save("hello.wav")

Everything is loaded when it is first used: importing this costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from antiphon.audio import Waveform
    from antiphon.door.blocking import Network
    from antiphon.door.cloning import Clone
    from antiphon.door.composing import Compose
    from antiphon.door.network import AsyncNetwork
    from antiphon.door.sound import Outcome, Sound
    from antiphon.door.speaking import Say
    from antiphon.economy.types import Mode
    from antiphon.errors import AntiphonError

__version__ = "0.2.0.dev0"

_HOMES = {
    "AntiphonError": "antiphon.errors",
    "AsyncNetwork": "antiphon.door.network",
    "Clone": "antiphon.door.cloning",
    "Compose": "antiphon.door.composing",
    "Mode": "antiphon.economy.types",
    "Network": "antiphon.door.blocking",
    "Outcome": "antiphon.door.sound",
    "Say": "antiphon.door.speaking",
    "Sound": "antiphon.door.sound",
    "Waveform": "antiphon.audio",
}

__all__ = [
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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'antiphon' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
