"""Examples of bodies, as plain values. A test reads each as what it is an example of."""

from __future__ import annotations

from typing import Any

_PRODUCER = "48b538c7ebc6c474e18a1efb55c75761669b52a6766329e2e0472b17933a0029"
_VALIDATOR = "0a97dcb54ad61d1d1bd3e5f75d41b250dcea1ae669fdfd939fb82d6b0504fa52"
_LEDGER_TASK = "24a3bc2c02520b39b2e0c785af7c0cf4"

SPEECH: Any = {"service": "speech", "text": "Hello from a whole network.", "voice": "af_heart", "seed": 7}
MUSIC: Any = {"service": "music", "prompt": "calm shop theme, F major, 100 bpm", "seconds": 20}
QUOTE: Any = {
    "max_nano": 43200000,
    "balance_nano": 999996685000,
    "parts": 1,
    "currency": "ANT",
    "nano_per_unit": 1000000000,
}
TASK: Any = {
    "id": "6f1c0f6f6d3f4b0d9a3e0c2b7d5a1e44",
    "service": "speech",
    "state": "completed",
    "title": "Hello from a whole network.",
    "voice": "af_heart",
    "created_ms": 1796053870000,
    "ended_ms": 1796053878402,
    "max_nano": 43200000,
    "paid_nano": 12765000,
    "paid_final": True,
    "seconds": 1.925,
    "rate_hz": 24000,
    "channels": 1,
    "sound": True,
    "parts": 1,
    "parts_ended": 1,
    "ledger_tasks": [_LEDGER_TASK],
    "score": 0.94,
    "figures": {"WER": 0.0, "DistillMOS": 4.5},
    "seed": 7,
    "notes": [],
    "error": None,
}
CANCELLED: Any = TASK | {"state": "cancelled", "seconds": 0.4, "paid_nano": 240000, "score": None, "figures": {}}
DELETED: Any = {"id": TASK["id"], "deleted": True}
DELETED_VOICE: Any = {"id": "me", "deleted": True}
VOICE_TASK: Any = TASK | {
    "service": "voice",
    "state": "queued",
    "title": "me",
    "voice": "me",
    "ended_ms": None,
    "paid_nano": 0,
    "paid_final": False,
    "seconds": 0.0,
    "sound": False,
    "parts": 0,
    "parts_ended": 0,
    "ledger_tasks": [],
    "score": None,
    "figures": {},
    "seed": None,
}
TASKS: Any = {"tasks": [TASK], "next": None}
PARTS: Any = {
    "parts": [
        {
            "number": 0,
            "task": _LEDGER_TASK,
            "index": 0,
            "units": 27,
            "state": "valid",
            "producer": _PRODUCER,
            "engine": "kokoro",
            "verdict": "valid",
            "score": 0.94,
            "seats": [{"validator": _VALIDATOR, "state": "revealed", "verdict": "valid", "score": 0.94}],
            "paid_nano": 12765000,
            "notes": [],
            "begins": "Hello from a whole network.",
        }
    ]
}
RECEIPTS: Any = {
    "receipts": [
        {
            "task": _LEDGER_TASK,
            "ledger": "d2f1bb59c5d520df6502161de128188e0a03feb27519baf03ec072fee4098460",
            "state": "completed",
            "opened_ms": 1796053870896,
            "closed_ms": 1796053878402,
            "held_nano": 43200000,
            "paid_nano": 12765000,
            "valid": True,
            "problem": "",
            "parts": [
                {
                    "index": 0,
                    "units": 27,
                    "state": "valid",
                    "producer": _PRODUCER,
                    "verdict": "valid",
                    "score": 0.94,
                    "votes": [{"validator": _VALIDATOR, "verdict": "valid", "score": 0.94, "majority": True}],
                    "measured": [{"name": "words.wer", "unit": "ratio", "values": [0.0]}],
                    "notes": [],
                }
            ],
            "lines": [
                {
                    "part": 0,
                    "amount_nano": 10152000,
                    "source": "escrow",
                    "target": f"producer {_PRODUCER[:8]}",
                    "why": "reward R*Q",
                }
            ],
        }
    ]
}
VOICES: Any = {
    "voices": [
        {
            "name": "hibari",
            "language": "en-us",
            "engine": "hibari",
            "gender": "female",
            "description": "clear and quick",
            "own": False,
        }
    ],
    "default": "hibari",
}
NODES: Any = {
    "nodes": [
        {
            "id": _PRODUCER,
            "role": "processor",
            "live": True,
            "endpoint": "http://node.example:7420",
            "stake_nano": 100000000000,
            "locked_nano": 0,
            "offers": [
                {
                    "service": "speech",
                    "engine": "hibari",
                    "price_nano": 20000,
                    "languages": ["en-us"],
                    "voices": ["hibari"],
                }
            ],
            "quality": {"speech": 0.5},
            "settled": {"speech": 1},
        }
    ]
}
SCORES: Any = {
    "scores": [
        {
            "service": "speech",
            "role": "processor",
            "node": _PRODUCER,
            "engine": "hibari",
            "quality": 0.5,
            "settled": 1,
            "live": True,
        }
    ]
}
MODELS: Any = {
    "models": [
        {
            "engine": "hibari",
            "service": "speech",
            "languages": ["en-us"],
            "voices": ["hibari"],
            "nodes": 2,
            "live": 2,
            "min_price_nano": 20000,
            "max_price_nano": 20000,
            "best_quality": 0.5,
        }
    ]
}
_EPOCH: Any = {
    "number": 1,
    "state": "closed",
    "opened_ms": 1796053868568,
    "due_ms": 1796058188568,
    "closed_ms": 1796058190000,
    "emission_nano": 1000000000,
    "committed": [_VALIDATOR],
    "revealed": [_VALIDATOR],
}
EPOCHS: Any = {"epochs": [_EPOCH]}
EPOCH: Any = {
    "epoch": _EPOCH,
    "payments": [{"to": _PRODUCER, "amount_nano": 410000000, "why": "incentive", "service": "speech"}],
}
REVENUE: Any = {
    "issued_nano": 2300000000000,
    "emitted_nano": 0,
    "burnt_nano": 0,
    "accounts": [
        {
            "name": "client",
            "id": "fbaf99268e80136eff67b0111eace6a16ebf1e94c6abb38e99f1360f053db70d",
            "balance_nano": 999996685000,
            "escrow_nano": 0,
            "stake_nano": 0,
            "locked_nano": 0,
            "unbonding_nano": 0,
        }
    ],
}
WEBHOOK: Any = {
    "id": "b7a1de0c5a0f4f0e8f3b6a8d2c4e6f01",
    "url": "https://example.org/antiphon",
    "created_ms": 1796053870000,
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
}
WEBHOOKS: Any = {"webhooks": [WEBHOOK | {"secret": None}]}
