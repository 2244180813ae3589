"""A real headless Chromium, and what axe finds in a page that it shows."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

ROOT = Path(__file__).parents[2]
ARGUMENTS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            made = playwright.chromium.launch(executable_path=_chromium(), args=ARGUMENTS)
        except Error as error:
            pytest.skip(f"no browser: apt-get install chromium, or playwright install chromium ({error})")
        yield made
        made.close()


def _chromium() -> str | None:
    """The system's; None: playwright's own."""
    return os.environ.get("ANTIPHON_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def violations(page: Page) -> list[str]:
    script = subprocess.run([ROOT / "scripts" / "fetch_axe"], capture_output=True, text=True, check=False)
    if script.returncode:
        pytest.skip(script.stderr.strip())
    page.evaluate(Path(script.stdout.strip()).read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]
