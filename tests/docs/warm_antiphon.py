"""`antiphon` for a shell, without the second that each process takes to load models: commands run in one warm process.

    python warm_antiphon.py serve SOCKET        runs commands, one after the other
    python warm_antiphon.py call SOCKET ARG...  what `antiphon` is in the shell: hands over its files, folder, variables

The command is the real one, `antiphon.cli`, with the caller's own stdin, stdout and stderr.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

MAX_ORDER_BYTES = 1 << 20


def call(path: str, arguments: list[str]) -> int:
    """The exit code of the command."""
    order = json.dumps({"words": arguments, "folder": str(Path.cwd()), "variables": dict(os.environ)}).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [order + b"\n"], [0, 1, 2])
        answer = connection.recv(16)
    return int(answer or b"1")


def serve(path: str) -> None:
    """Until its end is killed."""
    kept = [os.dup(number) for number in (0, 1, 2)]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            with connection:
                order, files, _, _ = socket.recv_fds(connection, MAX_ORDER_BYTES, 3)
                for number, file in enumerate(files):
                    os.dup2(file, number)
                    os.close(file)
                code = _run(json.loads(order))
                for number, file in enumerate(kept):
                    os.dup2(file, number)
                connection.sendall(str(code).encode())


def _run(order: dict[str, object]) -> int:
    import logging
    import threading

    from antiphon.cli import exit_codes
    from antiphon.cli.app import group

    os.chdir(str(order["folder"]))
    os.environ.clear()
    os.environ.update(order["variables"])  # type: ignore[call-overload]
    sys.argv = ["antiphon", *order["words"]]  # type: ignore[misc]
    streams = [os.fdopen(os.dup(number), mode, encoding="utf-8") for number, mode in ((0, "r"), (1, "w"), (2, "w"))]
    sys.stdin, sys.stdout, sys.stderr = streams
    root, hook = logging.getLogger(), threading.excepthook
    before = list(root.handlers)
    try:
        return exit_codes.end(group)
    finally:
        for stream in streams[1:]:
            stream.flush()
        for stream in streams:
            stream.close()
        sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
        for handler in [one for one in root.handlers if one not in before]:
            root.removeHandler(handler)
            handler.close()
        threading.excepthook = hook
        logging.captureWarnings(False)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        sys.exit(call(sys.argv[2], sys.argv[3:]))
