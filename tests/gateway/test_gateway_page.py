"""The page in a real browser, over a whole network: order, hear, download, read the receipt; with keys, errors, a
phone's width, and what axe finds."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import httpx
import pytest
from browsing import browser, violations
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from up_server import Up, up

from antiphon.audio import read
from antiphon.gateway.database import Storage
from antiphon.gateway.keys import KeyStore

pytestmark = pytest.mark.slow

__all__ = ["browser"]

MAX_BYTES = 150_000
TEXT = "The sea was calm that morning, and nobody on the pier had slept. Far out a single light went round and round."
ENDS_MS = 240_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with up(tmp_path_factory.mktemp("page") / "home", "--no-browser") as found:
        yield found
        found.end()


@pytest.fixture
def page(browser: Browser, server: Up) -> Iterator[Page]:
    yield from opened(browser, server.url)


def opened(browser: Browser, url: str, width: int = 1280, scheme: str = "light") -> Iterator[Page]:
    """The page, once its voices are there. Nothing may be wrong in its console at the end."""
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 4" not in message.text:  # refusals are shown in the page
            wrong.append(message.text)

    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)  # type: ignore[arg-type]
    made = context.new_page()
    made.on("console", heard)
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.goto(url)
    yield made
    context.close()
    assert wrong == []


def ready(page: Page) -> None:
    page.wait_for_selector("#voice option", state="attached")


def done(page: Page) -> None:
    page.wait_for_selector("#state[data-state=completed]", timeout=ENDS_MS)


def test_text_becomes_sound_that_is_heard_downloaded_and_explained(page: Page, tmp_path: Path) -> None:
    ready(page)
    expect(page.locator("#balance")).to_have_text(re.compile(r"[\d.,]+ ANT"))
    page.fill("#text", TEXT)
    expect(page.locator("#speech-quote")).to_contain_text("2 parts")
    page.press("#text", "Control+Enter")
    page.wait_for_selector("#player.playing:not(.waiting)", timeout=ENDS_MS)
    expect(page.locator("#parts li")).to_have_count(2)
    expect(page.locator("#live")).not_to_be_empty()
    done(page)
    for number, begins in ((0, "The sea was calm"), (1, "Far out a single")):
        row = page.locator("#parts li").nth(number)
        expect(row).to_contain_text(begins)
        expect(row).to_contain_text(re.compile(r"valid 0\.\d\d"))
        expect(row.locator("i[data-vote=valid]")).to_have_count(3)
        expect(row).to_contain_text("Votes: 3 valid")
    page.locator("#position").fill("1")
    expect(page.locator("#time")).to_have_text(re.compile(r"0:0[1-9] / 0:0\d"))
    page.select_option("#format", "wav")
    with page.expect_download() as came:
        page.click("#download")
    sound = tmp_path / "sound.wav"
    came.value.save_as(sound)
    assert 3 < read(sound).duration_s < 12
    page.click("#receipt summary")
    expect(page.locator("#receipt tbody tr")).to_have_count(1 + 2 * 5)
    expect(page.locator("#receipt")).to_contain_text("Checked: every signature holds")
    expect(page.locator("#live")).to_contain_text("Done")
    page.reload()
    ready(page)
    page.click("#earlier summary")
    page.locator("#history button").first.click()
    done(page)
    expect(page.locator("#time")).to_have_text(re.compile(r"0:00 / 0:0[3-9]"), timeout=ENDS_MS)


def test_a_sample_of_a_voice_is_paid_once(page: Page, server: Up) -> None:
    ready(page)
    for _ in range(2):
        page.click("#sample")
        expect(page.locator("#sample")).to_contain_text("Stop", timeout=ENDS_MS)
        page.click("#sample")
        expect(page.locator("#sample")).to_contain_text("Hear this voice")
    tasks = httpx.get(f"{server.url}/api/v1/tasks").json()["tasks"]
    assert sum(task["title"].startswith("This is how I sound") for task in tasks) == 1


def test_music_is_composed_and_stopped(page: Page) -> None:
    ready(page)
    page.click("#tab-music")
    page.locator("#ideas button").first.click()
    page.fill("#seconds", "300")
    page.click("#music .primary")
    page.wait_for_selector("#cancel:visible", timeout=ENDS_MS)
    page.click("#cancel")
    expect(page.locator("#state")).to_have_text("Stopped", timeout=ENDS_MS)


def test_errors_stand_where_the_fault_is(page: Page) -> None:
    ready(page)
    page.click("#speak")
    expect(page.locator("#text-error")).to_be_visible()
    expect(page.locator("#text")).to_be_focused()
    expect(page.locator("#text")).to_have_attribute("aria-invalid", "true")
    page.keyboard.type("Now there is one.")
    expect(page.locator("#text-error")).to_be_hidden()
    page.click("#tab-music")
    page.fill("#prompt", "calm")
    page.fill("#seconds", "9999")
    page.click("#music .primary")
    expect(page.locator("#seconds-error")).to_contain_text("600")
    page.click("#tab-clone")
    page.fill("#name", "me")
    page.set_input_files("#file", {"name": "noise.wav", "mimeType": "audio/wav", "buffer": b"no sound at all"})
    page.click("#clone .primary")
    expect(page.locator("#own-error")).to_contain_text("consent")
    page.check("#own")
    page.click("#clone .primary")
    expect(page.locator("#clone-error")).to_be_visible(timeout=ENDS_MS)


def test_the_microphone_makes_a_recording_that_can_be_sent(page: Page) -> None:
    ready(page)
    page.click("#tab-clone")
    page.click("#record")
    expect(page.locator("#record")).to_contain_text("Stop (1 s)")
    page.click("#record")
    expect(page.locator("#recorded")).to_contain_text("Recorded")
    expect(page.locator("#heard")).to_be_visible()
    page.fill("#name", "me")
    page.check("#own")
    page.click("#clone .primary")
    # The device beeps: that is no voice, and the server has heard so.
    expect(page.locator("#clone-error")).to_have_text(re.compile(r"voice|speech|seconds|too short"), timeout=ENDS_MS)


def test_everything_is_reached_by_keys(page: Page) -> None:
    ready(page)
    page.focus("#tab-speech")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-music")).to_be_focused()
    expect(page.locator("#music")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator("#clone")).to_be_visible()
    page.keyboard.press("Home")
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(page.locator(":focus").get_attribute("id"))
    assert reached[:6] == ["text", "language", "voice", "sample", "speed", "speak"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    width: int, scheme: str, browser: Browser, server: Up
) -> None:
    for page in opened(browser, server.url, width, scheme):
        ready(page)
        page.fill("#text", "A short one.")
        page.click("#speak")
        done(page)
        page.click("#receipt summary")
        page.wait_for_selector("#receipt table")
        sheet = page.locator(".sheet").first
        assert sheet.evaluate("one => one.scrollWidth <= one.clientWidth"), "every column is there to be read"
        expect(sheet.get_by_role("cell", name="reward R*Q")).to_be_visible()
        for tab in ("speech", "music", "clone"):
            page.click(f"#tab-{tab}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert violations(page) == []


def test_where_keys_are_wanted_the_page_asks_for_one(browser: Browser, tmp_path: Path) -> None:
    store = KeyStore(Storage(tmp_path / "home"))
    _, secret = store.create("page")
    store.close()
    with up(tmp_path / "home", "--no-browser") as server:
        for page in opened(browser, server.url):
            expect(page.locator("#key")).to_be_visible()
            expect(page.locator("#key-value")).to_be_focused()
            page.fill("#key-value", secret)
            page.keyboard.press("Enter")
            ready(page)
            expect(page.locator("#key")).to_be_hidden()
            page.fill("#text", "Paid by a key.")
            page.click("#speak")
            done(page)
        server.end()


def test_the_page_is_small_and_asks_nobody_else() -> None:
    files = [file for file in resources.files("antiphon.gateway.page").iterdir() if not file.name.startswith("__")]
    assert 0 < sum(len(file.read_bytes()) for file in files) < MAX_BYTES
    for file in files:
        strange = set(re.findall(r"https?://[^\s\"'<>)]+", file.read_text())) - {"http://www.w3.org/2000/svg"}
        assert not strange, file.name


def test_up_opens_the_page_when_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opener, shown = tmp_path / "opener", tmp_path / "shown"
    opener.write_text(f'#!/bin/sh\necho "$1" > {shown}.part && mv {shown}.part {shown}\n')
    opener.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{opener} %s")
    with up(tmp_path / "home", "--browser") as server:
        end_s = time.monotonic() + 60
        while not shown.exists():
            assert time.monotonic() < end_s
            time.sleep(0.05)
        assert shown.read_text().strip() == server.url
        assert f"Page at {server.url}" in server.log.read_text()


def test_nothing_foreign_runs_or_frames_it(server: Up) -> None:
    answer = httpx.get(server.url)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    again = httpx.get(server.url, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert httpx.get(f"{server.url}/page/..%2f..%2fkeys.py").status_code == 404
