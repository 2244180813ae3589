"""Reader and writer of the safetensors format (https://github.com/huggingface/safetensors, "Format").

Eight little-endian bytes of header length, a JSON header, then the raw tensors. A few lines here spare a dependency
with a compiled part, and every length that comes from the file is checked against the file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from antiphon.errors import ModelError

Array = npt.NDArray[np.generic]

MAX_HEADER_BYTES = 1_000_000
"""Longest header we read; 1,000 tensors need about 100 kB."""

_DTYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I8": "|i1", "U8": "|u1", "U16": "<u2", "I32": "<i4", "I64": "<i8"}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}


def parse(blob: bytes) -> dict[str, Array]:
    """Read-only views into `blob`, by name. Raises `ModelError` when lengths, shapes or types do not fit."""
    try:
        return _parse(blob)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
        raise ModelError(f"This is not a readable safetensors file: {error}", "Reinstall the model.") from error


def metadata(blob: bytes) -> dict[str, str]:
    """What a file says of itself; empty where it says nothing. Raises `ModelError` like `parse`."""
    try:
        (length,) = struct.unpack_from("<Q", blob)
        found = json.loads(blob[8 : 8 + min(length, MAX_HEADER_BYTES)]).get("__metadata__", {})
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, AttributeError, RecursionError, struct.error) as error:
        raise ModelError(f"This is not a readable safetensors file: {error}", "Reinstall the model.") from error


def _parse(blob: bytes) -> dict[str, Array]:
    (length,) = struct.unpack_from("<Q", blob)
    if length > min(MAX_HEADER_BYTES, len(blob) - 8):
        raise ValueError(f"a header of {length} bytes in a file of {len(blob)}")
    header = json.loads(blob[8 : 8 + length])
    data = memoryview(blob)[8 + length :]
    tensors: dict[str, Array] = {}
    told = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        if not 0 <= start <= end <= len(data):
            raise ValueError(f"{name} lies outside the file")
        told += end - start
        if told > len(data):  # a short header would else name the same bytes ten thousand times
            raise ValueError("tensors lie over each other")
        tensors[name] = np.frombuffer(data[start:end], dtype=_DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def dump(tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> bytes:
    """Serialise in the order given; the same input always gives the same bytes."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    chunks: list[bytes] = []
    offset = 0
    for name, tensor in tensors.items():
        chunk = np.ascontiguousarray(tensor).tobytes()
        dtype = _NAMES[tensor.dtype.newbyteorder("<")]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [offset, offset + len(chunk)]}
        chunks.append(chunk)
        offset += len(chunk)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(chunks)
