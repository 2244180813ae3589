"""The leaderboard: what it tells is the ledger's and the store's, and the page reads in a browser, wide and narrow."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from assets_made import CARD, folder_of, sources
from conformance_assets import ONE, SALT, THREE, TWO
from ledger_market import OPERATOR, Market, party

from antiphon.audio import AudioWriter, format_named
from antiphon.audio.waveform import Waveform
from antiphon.clock import ManualClock
from antiphon.dama import Depot, asset_id, pack, sign
from antiphon.dama.family import generations, picture
from antiphon.dama.leaderboard import Leaderboard, leaderboard
from antiphon.dama.publishing import Samples, write
from antiphon.economy.types import DEFAULT_RULES, PPM, Role
from antiphon.ledger.assets import commitment
from antiphon.ledger.operations import CommitAsset, Contributor, MarkCopy, PublishAsset, Register, ServiceOffer
from antiphon.ledger.sql import SqlLedger
from antiphon.objects import Folder

NAMES = ("Ruby base", "Ruby <b>jazz</b>", "Ruby & friends, with a very long name indeed", "Ruby baroque", "Not Ruby")


def sound(path: Path) -> None:
    with AudioWriter(path, format_named("wav"), 16_000, 1) as writer:
        writer.write(Waveform(np.sin(np.arange(16_000) / 10).astype(np.float32)[None] / 4, 16_000))


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    clock = ManualClock()
    rules = msgspec.structs.replace(DEFAULT_RULES, appeal_s=0)
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock, rules=rules)
    made = Market(ledger, clock)
    await made.found()
    yield made
    await ledger.close()


async def family(market: Market, folder: Path) -> tuple[Leaderboard, dict[str, dict[str, bytes]], list[str]]:
    """A base, two made from it, one made from both, and a copy of the base; the one from both was used."""
    depot, ids = Depot(Folder(folder / "store")), []
    for number, name in enumerate(NAMES):
        place = folder_of(folder / f"weights {number}", seed=number)
        if number < 2:
            sound(place / "sample.wav")
        card = msgspec.structs.replace(CARD, name=name, rounds=number, summary="A chiptune model.", engine="ruby")
        manifest = pack(place, card)
        asset, owner = asset_id(manifest), (ONE, TWO, THREE, ONE, TWO)[number]
        depot.push(sign(owner, manifest, market.clock), sources(place))
        said = commitment(OPERATOR.node_id, owner.node_id, asset, SALT)
        await market.do(owner, CommitAsset(commitment=said))
        parents = {1: (0,), 2: (0,), 3: (1, 2)}.get(number, ())
        shares = [(owner, PPM - 300_000), (party("helper"), 300_000)]
        await market.do(
            owner,
            PublishAsset(
                asset=asset,
                salt=SALT,
                parents=tuple(ids[parent] for parent in parents),
                asked_ppm=100_000,
                contributors=tuple(Contributor(node=who.node_id, ppm=ppm) for who, ppm in shares),
            ),
        )
        ids.append(asset)
    for number in range(4):
        await market.do(party(f"validator {number}"), MarkCopy(asset=ids[4], original=ids[0]))
    for number in range(3):
        who = party(f"producer {number}")
        offers = (ServiceOffer(service="speech", price_nano=1_000, languages=("en",), asset=ids[3]),)
        registered = Register(
            role=Role.PROCESSOR, offers=offers, seal_key=who.seal_public, endpoint=f"test:{who.node_id[:8]}"
        )
        await market.do(who, registered)
    samples = Samples(depot)
    await _used(market, ids[3])
    return await leaderboard(market.ledger, samples.manifest_of, market.clock.now_ms()), samples.played, ids


async def _used(market: Market, asset: str) -> None:
    from ledger_market import task_id

    from antiphon.ledger.operations import Selector

    await market.open(task_id(1), selector=Selector(service="speech", language="en-us", asset=asset))
    await market.deliver(task_id(1))
    await market.judge(task_id(1))


async def test_what_it_tells_is_what_the_ledger_and_the_store_have(market: Market, tmp_path: Path) -> None:
    board, played, ids = await family(market, tmp_path)
    assert board.entries[0].asset == ids[3], "the one that was judged is first"
    assert board.entries[-1].asset == ids[4], "the copy is last"
    best, by_id = board.entries[0], {entry.asset: entry for entry in board.entries}
    assert (best.settled, best.holders, best.rounds, best.figures) == (1, 3, 3, {"perplexity": 3.25})
    assert best.quality_ppm is not None
    assert by_id[ids[0]].quality_ppm is None, "nobody who uses it was judged"
    assert sum(entry.earned_nano for entry in board.entries) == 10_000
    assert by_id[ids[4]].copy_of == ids[0]
    assert by_id[ids[0]].samples == ("sample.wav",)
    assert set(played[ids[0]]) == {f"{ids[0][:12]}-sample.wav"}
    assert generations(board.entries) == {ids[0]: 0, ids[4]: 0, ids[1]: 1, ids[2]: 1, ids[3]: 2}
    assert picture(board.entries).count("<path") == 4


async def test_a_store_that_lies_or_lacks_an_asset_costs_its_name_and_no_page(market: Market, tmp_path: Path) -> None:
    _, _, ids = await family(market, tmp_path)
    store = Folder(tmp_path / "store")
    (own,) = store.names(f"assets/{ids[0]}")
    store.write(own, b"something else")
    samples = Samples(Depot(store))
    board = await leaderboard(market.ledger, samples.manifest_of, 0)
    entry = next(entry for entry in board.entries if entry.asset == ids[0])
    assert (entry.name, entry.licence, samples.played.get(ids[0])) == (ids[0][:12], "", None)
    sample = next(file for file in Depot(store).signed(ids[1], TWO.node_id)[0].manifest.files if ".wav" in file.name)
    store.write(f"blobs/{sample.sha256}/00000", bytes(sample.size))
    samples = Samples(Depot(store))
    await leaderboard(market.ledger, samples.manifest_of, 0)
    assert samples.played[ids[1]] == {}


async def test_the_files_are_a_page_json_and_samples(market: Market, tmp_path: Path) -> None:
    board, played, _ = await family(market, tmp_path)
    write(tmp_path / "page", board, played)
    told = json.loads((tmp_path / "page" / "leaderboard.json").read_text())
    assert [entry["asset"] for entry in told["entries"]] == [entry.asset for entry in board.entries]
    page = (tmp_path / "page" / "index.html").read_text()
    assert "<b>jazz" not in page, "names are strangers' words"
    assert "Ruby &lt;b&gt;jazz&lt;/b&gt;" in page
    assert len(list((tmp_path / "page" / "samples").iterdir())) == 2
    empty = Leaderboard(ledger=OPERATOR.node_id, made_ms=0, entries=())
    write(tmp_path / "empty", empty, {})
    assert "Nobody has published" in (tmp_path / "empty" / "index.html").read_text()


def chromium() -> str | None:
    return os.environ.get("ANTIPHON_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.slow
async def test_the_page_reads_in_a_browser_at_desktop_and_phone_width(market: Market, tmp_path: Path) -> None:
    api = pytest.importorskip("playwright.async_api", reason="pip install playwright, and a chromium")
    board, played, ids = await family(market, tmp_path)
    write(tmp_path / "page", board, played)
    async with api.async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        except api.Error as error:
            pytest.skip(f"no browser: apt-get install chromium ({error})")
        for width, scheme in ((1280, "light"), (390, "dark")):
            page = await browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
            wrong: list[str] = []
            page.on("console", lambda message, wrong=wrong: wrong.append(f"{message.type} {message.text}"))
            page.on("pageerror", lambda error, wrong=wrong: wrong.append(str(error)))
            await page.goto((tmp_path / "page" / "index.html").as_uri())
            if shots := os.environ.get("ANTIPHON_SHOTS"):
                await page.screenshot(path=f"{shots}/leaderboard-{width}.png", full_page=True)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
            assert await page.locator("tbody tr").count() == 5
            assert await page.locator("svg.family a").count() == 5
            small = "[...document.querySelectorAll('svg.family rect')].some(r => r.getBoundingClientRect().width < 60)"
            assert not await page.evaluate(small), "boxes of the picture can be touched"
            assert await page.locator("audio").count() == 2
            playable = "async a => { await a.play(); return a.duration }"
            assert await page.locator("audio").first.evaluate(playable) == pytest.approx(1, abs=0.1)
            await page.locator("tbody a").first.click()
            assert (await page.evaluate("location.hash")) == f"#a{ids[3][:12]}"
            assert wrong == []
        await browser.close()
