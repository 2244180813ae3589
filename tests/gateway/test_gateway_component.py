"""The web component in a real browser, on a page of another server with a strict policy, over a whole network."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from browsing import browser, violations
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from up_server import Up, up

from antiphon.gateway.database import Storage
from antiphon.gateway.keys import KeyStore

pytestmark = pytest.mark.slow
__all__ = ["browser"]

DOCS = Path(__file__).parents[2] / "docs" / "integrations.md"
SAYS_MS = 240_000
TEXT = "<p>The sea was calm that morning.</p><p>Nobody had slept<span hidden>secret</span>.</p>"
LONG = " ".join(f"This is the sentence with the number {n}." for n in range(20))
LOOKS = "html { color-scheme: light dark; background: Canvas; font: 17px/1.5 system-ui }"
SAYS = """addEventListener("DOMContentLoaded", () => {
  window.told = [];
  for (const name of ["start", "end", "stop", "error"])
    document.querySelector("antiphon-say").addEventListener(name, () => told.push(name));
});"""


class Site:
    """A site of somebody else: any HTML at any path, with a policy that allows nothing but itself and the gateway."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.routes: list[Mount] = []
        self.gateway = self.url = ""

    def page(self, path: str, body: str, script: str) -> str:
        self.pages[path] = (
            '<!doctype html><html lang="en"><title>Theirs</title><meta name="viewport" content="width=device-width">'
            '<link rel="stylesheet" href="/looks.css"><script src="/says.js"></script>'
            f'<script defer src="{script}"></script><main>{body}</main>'
        )
        return f"{self.url}{path}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = Starlette(
            routes=[
                *self.routes,
                Route("/says.js", self._says),
                Route("/looks.css", self._looks),
                Route("/{name}", self._answer),
            ]
        )
        await app(scope, receive, send)

    async def _says(self, _: Request) -> Response:
        return Response(SAYS, media_type="text/javascript")

    async def _looks(self, _: Request) -> Response:
        return Response(LOOKS, media_type="text/css")

    async def _answer(self, request: Request) -> Response:
        allowed = f"'self' {self.gateway}"
        policy = f"default-src 'none'; style-src 'self'; script-src {allowed}; connect-src {allowed}"
        policy += "; require-trusted-types-for 'script'"
        return HTMLResponse(self.pages[request.url.path], headers={"content-security-policy": policy})


@contextlib.contextmanager
def served(app: ASGIApp) -> Iterator[int]:
    """On a free port, in a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()
    with served(made) as port:
        made.url = f"http://127.0.0.1:{port}"
        yield made


@pytest.fixture(scope="module")
def server(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with up(tmp_path_factory.mktemp("component") / "home", "--no-browser", "--allow-origin", site.url) as found:
        site.gateway = found.url
        yield found
        found.end()


@contextlib.contextmanager
def opened(browser: Browser, url: str, width: int = 1280, scheme: Any = "light") -> Iterator[Page]:
    """Nothing may be wrong in its console, refusals of a request apart, nor against the policy."""
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme)
    page = context.new_page()
    refusal = re.compile(r"status of 4|CORS policy|net::ERR_FAILED")
    page.on(
        "console",
        lambda told: wrong.append(told.text) if told.type == "error" and not refusal.search(told.text) else None,
    )
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(url)
    yield page
    context.close()
    assert wrong == []


def direct(site: Site, server: Up, path: str, element: str) -> str:
    return site.page(path, element, f"{server.url}/antiphon-say.js")


def ended(page: Page, how: str) -> None:
    page.wait_for_function("how => window.told?.at(-1) === how", arg=how, timeout=SAYS_MS)


def test_a_text_is_heard_to_its_end_and_again_without_another_order(browser: Browser, site: Site, server: Up) -> None:
    with opened(browser, direct(site, server, "/heard", f'<antiphon-say voice="hibari">{TEXT}</antiphon-say>')) as page:
        asked: list[Any] = []
        page.on("request", lambda made: asked.append(made) if made.method == "POST" else None)
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Listen")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Stop")).to_be_focused()
        ended(page, "end")
        assert asked[0].post_data_json["input"] == "The sea was calm that morning.\n\nNobody had slept."
        expect(page.get_by_role("status")).to_have_text("Finished.")
        page.keyboard.press("Enter")
        page.wait_for_function("() => told.length === 3")
        expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuetext", re.compile(r"0:0\d of 0:0[2-9]"))
        page.keyboard.press("Escape")
        assert page.evaluate("told") == ["start", "end", "start", "stop"]
        assert len(asked) == 1


def test_it_plays_while_the_rest_is_still_to_come_and_one_at_a_time(browser: Browser, site: Site, server: Up) -> None:
    goes_on = threading.Event()

    class HeldBack:
        """The real server, the rest of whose answer comes when the test says so."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            asked = Request(scope, receive)
            async with httpx.AsyncClient(base_url=server.url, timeout=None) as client:
                headers = {"content-type": "application/json"}
                sound = (await client.post("/v1/audio/speech", content=await asked.body(), headers=headers)).content
            begin: Message = {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"audio/pcm")],
            }
            await send(begin)
            await send({"type": "http.response.body", "body": sound[:48_001], "more_body": True})  # half a sample
            await asyncio.to_thread(goes_on.wait, 120)
            await send({"type": "http.response.body", "body": sound[48_001:]})

    site.routes.append(Mount("/held", HeldBack()))
    other = f'<antiphon-say id="other" src="{server.url}" voice="hibari">Another one.</antiphon-say>'
    url = direct(site, server, "/held.html", f'<antiphon-say src="/held" voice="hibari">{TEXT}</antiphon-say>{other}')
    with opened(browser, url) as page:
        first = page.locator("antiphon-say").first
        first.get_by_role("button").click()
        # The first second is all that there is, and it is heard to its end.
        expect(first.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "0:01", timeout=SAYS_MS)
        assert first.evaluate("one => one.state") == "playing"
        goes_on.set()
        expect(first.get_by_role("progressbar")).to_have_attribute("aria-valuetext", re.compile("of"), timeout=SAYS_MS)
        page.locator("#other").get_by_role("button").click()
        ended(page, "stop")
        assert first.evaluate("one => one.state") == "idle"


def test_what_is_wrong_is_told_below_the_button(browser: Browser, site: Site, server: Up) -> None:
    with opened(browser, direct(site, server, "/voice", '<antiphon-say voice="nobody">Hello.</antiphon-say>')) as page:
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_contain_text("nobody")
        ended(page, "error")
        page.evaluate("document.querySelector('antiphon-say').textContent = ' '")
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_have_text("There is no text to be heard.")
    strange = direct(site, server, "/strange", "<antiphon-say>Hello.</antiphon-say>").replace("127.0.0.1", "localhost")
    with opened(browser, strange) as page:
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_contain_text("not allow pages of http://localhost")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    width: int, scheme: str, browser: Browser, site: Site, server: Up
) -> None:
    body = f"<h1>A page</h1><antiphon-say voice='hibari'>{LONG}</antiphon-say><antiphon-say voice='x'>W.</antiphon-say>"
    url = direct(site, server, "/looks", body)
    with opened(browser, url, width, scheme) as page:
        page.locator("antiphon-say").last.get_by_role("button").click()
        expect(page.get_by_role("alert").last).to_be_visible()
        page.locator("antiphon-say").first.get_by_role("button").click()
        page.wait_for_function("() => told.includes('start')", timeout=SAYS_MS)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []


def test_through_the_endpoint_of_the_docs_the_key_stays_on_the_server(
    browser: Browser, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = KeyStore(Storage(tmp_path / "home"))
    _, secret = store.create("site", ("speech", "read"), per_minute=1_000)
    store.close()
    with up(tmp_path / "home", "--no-browser") as server:
        monkeypatch.setenv("ANTIPHON_URL", server.url)
        monkeypatch.setenv("ANTIPHON_KEY", secret)
        (code,) = re.findall(r"```python\n([^`]*?ANTIPHON_KEY.*?)```", DOCS.read_text(), re.DOTALL)
        theirs: dict[str, Any] = {}
        exec(compile(code, str(DOCS), "exec"), theirs)
        site.routes.extend(theirs["app"].routes)
        url = site.page(
            "/keyed", f'<antiphon-say src="/say" voice="hibari">{LONG}</antiphon-say>', f"{server.url}/antiphon-say.js"
        )
        site.gateway = server.url
        with opened(browser, url) as page:
            page.get_by_role("button").click()
            ended(page, "start")
            page.get_by_role("button").click()
            ended(page, "stop")
            assert secret not in page.content()
            page.evaluate("document.querySelector('antiphon-say').textContent = 'long '.repeat(2000)")
            page.get_by_role("button").click()
            expect(page.get_by_role("alert")).to_contain_text("answered 413")
        usage = f"{server.url}/v1/usage"
        with httpx.Client(headers={"authorization": f"Bearer {secret}"}) as client:
            end_s = time.monotonic() + 60
            while (found := client.get(usage).raise_for_status().json())["reserved_nano"]:
                assert time.monotonic() < end_s, found
                time.sleep(0.1)
        assert [day["orders"] for day in found["days"]] == [1]
        server.end()


def test_the_script_says_that_others_may_load_it(server: Up) -> None:
    answer = httpx.get(f"{server.url}/antiphon-say.js").raise_for_status()
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert httpx.get(f"{server.url}/page/app.js").headers.get("cross-origin-resource-policy") is None
