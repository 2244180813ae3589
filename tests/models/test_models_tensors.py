"""The safetensors reader round-trips and refuses damaged files."""

from __future__ import annotations

import contextlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from antiphon import models
from antiphon.errors import ModelError
from antiphon.models import tensors

_arrays = st.sampled_from(["<f2", "<f4", "<i4", "|i1"]).flatmap(
    lambda d: hnp.arrays(d, hnp.array_shapes(max_dims=3, max_side=4))
)


@given(st.dictionaries(st.text(min_size=1, max_size=8).filter(lambda n: n != "__metadata__"), _arrays, max_size=4))
def test_what_is_dumped_is_parsed(content: dict[str, np.ndarray]) -> None:
    read = tensors.parse(tensors.dump(content, {"source": "test"}))
    assert list(read) == list(content)
    for name, tensor in content.items():
        assert read[name].dtype == tensor.dtype
        np.testing.assert_array_equal(read[name], tensor)


@given(st.binary(max_size=64))
def test_any_bytes_either_parse_or_raise_a_model_error(blob: bytes) -> None:
    with contextlib.suppress(ModelError):
        tensors.parse(blob)


@pytest.mark.parametrize("offsets", [[0, 99], [-4, 0], [8, 4], [0, 3]])
def test_offsets_outside_the_file_are_refused(offsets: list[int]) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": offsets}}).encode()
    with pytest.raises(ModelError):
        tensors.parse(struct.pack("<Q", len(header)) + header + b"\0" * 8)


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 900_000,
        b'{"a":' * 100_000,
        json.dumps({str(n): {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for n in range(2)}).encode(),
    ],
    ids=["deep list", "deep object", "tensors over each other"],
)
def test_a_header_that_costs_more_than_its_file_is_refused(header: bytes) -> None:
    with pytest.raises(ModelError):
        tensors.parse(struct.pack("<Q", len(header)) + header + bytes(16))


def test_kokoros_54_voices_are_shipped_as_half_precision_tables() -> None:
    voices = tensors.parse(models.read("kokoro-voices"))
    assert len(voices) == 54
    assert all(v.shape == (510, 256) and v.dtype == np.float16 and np.isfinite(v).all() for v in voices.values())
