"""Cuts a part out of a serialised ONNX graph: from named tensors to named tensors.

ONNX Runtime cannot start in the middle of a graph, and the `onnx` package is 18 MB for this one errand. The format is
protocol buffers (https://protobuf.dev/programming-guides/encoding, onnx/onnx.proto3): a graph is a list of nodes and
initialisers, so a part is the same list with fewer items and other ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from antiphon.errors import ModelError

_LENGTH_DELIMITED = 2
_GRAPH = 7  # ModelProto.graph
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO = 1, 5, 11, 12, 13  # GraphProto
_NODE_INPUT, _NODE_OUTPUT = 1, 2  # NodeProto
_TENSOR_NAME = 8  # TensorProto.name
_FLOAT = 1  # TensorProto.DataType


@dataclass(frozen=True, slots=True)
class _Node:
    field: memoryview
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def cut(model: bytes, *, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """A model that computes `outputs` from `inputs`: float32 tensors of any shape, or inputs of the whole model.

    Raises `ModelError` when the outputs cannot be computed from these inputs, or the bytes are no ONNX model.
    """
    try:
        return _cut(memoryview(model), tuple(inputs), tuple(outputs))
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise ModelError(f"The model cannot be cut: {error}", "Reinstall the model.") from error


def _cut(model: memoryview, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> bytes:
    parts = list(_fields(model))
    graph = next((body for number, _, body in parts if number == _GRAPH), memoryview(b""))
    fields = list(_fields(graph))
    nodes = [_node(whole, body) for number, whole, body in fields if number == _NODE]
    constants = {_text(body, _TENSOR_NAME): whole for number, whole, body in fields if number == _INITIALIZER}
    declared = {_text(body, 1): whole for number, whole, body in fields if number == _INPUT}
    kept, used = _needed(nodes, set(inputs), set(constants), outputs)
    body: list[bytes | memoryview] = [node.field for node in kept]
    body += [whole for name, whole in constants.items() if name in used]
    body += [whole for number, whole, _ in fields if number not in (_NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE_INFO)]
    body += [declared[name] if name in declared else _end(_INPUT, name) for name in inputs]
    body += [_end(_OUTPUT, name) for name in outputs]
    around = [whole for number, whole, _ in parts if number != _GRAPH]
    # Views until here: the weights are copied once.
    return b"".join([*around, _head(_GRAPH, sum(map(len, body))), *body])


def _needed(
    nodes: list[_Node], inputs: set[str], constants: set[str], outputs: tuple[str, ...]
) -> tuple[list[_Node], set[str]]:
    """The nodes between, in their order, and every tensor they touch."""
    makers = {name: index for index, node in enumerate(nodes) for name in node.outputs if name}
    wanted, kept, used = list(outputs), set(), set()
    while wanted:
        name = wanted.pop()
        if not name or name in used:
            continue
        used.add(name)
        if name in inputs or name in constants:
            continue
        if name not in makers:
            raise ValueError(f"{name} does not follow from {', '.join(sorted(inputs))}")
        if makers[name] not in kept:
            kept.add(makers[name])
            wanted.extend(nodes[makers[name]].inputs)
    return [nodes[index] for index in sorted(kept)], used


def _node(whole: memoryview, body: memoryview) -> _Node:
    names: dict[int, list[str]] = {_NODE_INPUT: [], _NODE_OUTPUT: []}
    for number, _, value in _fields(body):
        if number in names:
            names[number].append(str(value, "utf-8"))
    return _Node(whole, tuple(names[_NODE_INPUT]), tuple(names[_NODE_OUTPUT]))


def _text(body: memoryview, wanted: int) -> str:
    return next(str(value, "utf-8") for number, _, value in _fields(body) if number == wanted)


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """(number, the field with its tag, its content) of each field of a message; content is empty for plain numbers."""
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        kind, content = tag & 7, at
        if kind == 0:
            _, at = _varint(data, at)
        elif kind == _LENGTH_DELIMITED:
            length, content = _varint(data, at)
            at = content + length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at > len(data):
            raise ValueError("it ends too early")
        yield tag >> 3, data[start:at], data[content:at] if kind == _LENGTH_DELIMITED else data[:0]


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number is too long")


def _end(number: int, name: str) -> bytes:
    """A ValueInfoProto of a float tensor whose shape is not stated."""
    kind = _field(1, b"\x08" + bytes([_FLOAT]))  # TypeProto.tensor_type { elem_type }
    return _field(number, _field(1, name.encode()) + _field(2, kind))


def _field(number: int, content: bytes) -> bytes:
    return _head(number, len(content)) + content


def _head(number: int, length: int) -> bytes:
    """What stands before a field's content."""
    head = bytearray()
    for value in (number << 3 | _LENGTH_DELIMITED, length):
        rest = value
        while rest >= 0x80:
            head.append(rest & 0x7F | 0x80)
            rest >>= 7
        head.append(rest)
    return bytes(head)
