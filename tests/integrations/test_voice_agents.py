"""What docs/integrations.md shows for voice agents, run with the real packages where they are installed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "integrations.md").read_text()
START_S = 240.0

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # their packages warn of their own


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("agents")
    log = folder / "log"
    command = [sys.executable, "-m", "antiphon", "--home", str(folder / "home"), "up", "--port", "0"]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            end_s = time.monotonic() + START_S
            while not (found := re.search(r"API at (http\S+/v1)", log.read_text())):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end_s, log.read_text()
                time.sleep(0.05)
            yield found[1]
            process.send_signal(signal.SIGINT)
            process.wait(60)
        finally:
            process.kill()


@pytest.mark.parametrize("package", ["livekit", "pipecat"])
def test_an_agents_own_plugin_speaks_through_the_gateway(
    package: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed (not of ours)")
    (block,) = (code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if f"from {package}." in code)
    url = request.getfixturevalue("url")
    exec(compile(block.replace("http://127.0.0.1:7420/v1", url), package, "exec"), {"__name__": package})
    told = capsys.readouterr().out.splitlines()[-1]
    assert 1 < float(told.split()[0]) < 8
