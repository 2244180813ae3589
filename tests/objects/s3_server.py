"""An S3 server for tests, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_SERVE = (
    "from moto.server import ThreadedMotoServer as S; import time; s = S('127.0.0.1', 0, verbose=False); "
    "s.start(); print(s.get_host_and_port()[1], flush=True); time.sleep(600)"
)


@contextmanager
def s3(bucket: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The server's process, and the environment of who uses it; one bucket is made."""
    pytest.importorskip("moto", reason="the S3 server of the tests is not installed")
    pytest.importorskip("obstore", reason="the extra antiphon[s3] is not installed")
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as job:
        try:
            assert job.stdout is not None
            address = f"http://127.0.0.1:{int(job.stdout.readline())}"
            made = urllib.request.Request(f"{address}/{bucket}", data=b"", method="PUT")
            urllib.request.urlopen(made, timeout=30).close()
            yield (
                job,
                {
                    "AWS_ENDPOINT": address,
                    "AWS_ACCESS_KEY_ID": "me",
                    "AWS_SECRET_ACCESS_KEY": "secret",
                    "AWS_REGION": "us-east-1",
                    "AWS_ALLOW_HTTP": "true",
                },
            )
        finally:
            job.kill()
