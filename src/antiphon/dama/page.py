"""The leaderboard as one static page: no script, nothing from elsewhere; it reads on a phone and on paper."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from antiphon.dama.family import picture
from antiphon.dama.leaderboard import Entry, Leaderboard
from antiphon.economy.types import NANO, PPM

STYLE = """
:root{color-scheme:light dark;--line:#8884;--quiet:#666;--ink:#1a73b8;font:16px/1.5 system-ui,sans-serif}
@media(prefers-color-scheme:dark){:root{--quiet:#aaa;--ink:#7cc4f4}}
body{max-width:70rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.15rem;margin:0}#lineage{margin-top:1.2rem}
p{margin:.3rem 0}.quiet{color:var(--quiet);font-size:.9rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}
a{color:var(--ink)}code{font-size:.85em;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:1rem;margin:1rem 0}
article{border:1px solid var(--line);border-radius:.5rem;padding:.8rem 1rem;min-width:0}
article.copy{opacity:.7}
audio{width:100%;margin-top:.4rem}
svg.family{display:block;width:100%;height:auto;margin:.5rem auto}
svg.family rect{fill:none;stroke:var(--ink)}svg.family path{fill:none;stroke:var(--quiet)}
svg.family text{fill:currentColor;text-anchor:middle;font-size:14px}
svg.family text.id{fill:var(--quiet);font-size:11px}
svg.family g.copy rect{stroke-dasharray:4 3}
@media(max-width:40rem){table thead{display:none}table tr{display:grid;grid-template-columns:1fr auto;padding:.5rem 0;
border-bottom:1px solid var(--line)}table td{border:0;padding:.1rem 0}table td.n::before{content:attr(data-what) " ";
color:var(--quiet)}table td.name{grid-column:1/-1;font-weight:600}table td.n{text-align:left}}
"""
CSP = "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'"
SAMPLES = "samples"
"""The folder beside the page."""


def render(board: Leaderboard, samples: dict[str, list[str]]) -> str:
    """The page. `samples`: by asset, the files in `SAMPLES/` that can be played."""
    when = datetime.fromtimestamp(board.made_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    rows = "".join(_row(place, entry) for place, entry in enumerate(board.entries, 1))
    cards = "".join(_card(entry, samples.get(entry.asset, [])) for entry in board.entries)
    body = (
        f"<table><thead><tr>{_HEAD}</tr></thead><tbody>{rows}</tbody></table>"
        f'<h2 id="lineage">What was made from what</h2><div class="scroll">{picture(board.entries)}</div>'
        f'<div class="cards">{cards}</div>'
        if board.entries
        else "<p>Nobody has published an asset yet: <code>antiphon dama push</code></p>"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{CSP}"><title>Assets</title>'
        f"<style>{STYLE}</style></head><body><h1>Assets</h1>"
        f'<p class="quiet">Ledger <code>{board.ledger}</code>, {when}. Quality is what drawn validators found '
        "in settled tasks of those who use the asset. Figures on a card are its makers' own. "
        '<a href="leaderboard.json">As JSON</a></p>'
        f"{body}</body></html>\n"
    )


_COLUMNS = ("Quality", "Parts", "Earned, ANT", "Rounds", "Made by", "Nodes")
_HEAD = '<th scope="col">Asset</th>' + "".join(f'<th scope="col" class="n">{name}</th>' for name in _COLUMNS)


def _row(place: int, entry: Entry) -> str:
    quality = "none yet" if entry.quality_ppm is None else f"{entry.quality_ppm / PPM:.2f}"
    values = (
        quality,
        str(entry.settled),
        _ant(entry.earned_nano),
        str(entry.rounds),
        str(len(entry.contributors)),
        str(entry.holders),
    )
    cells = "".join(
        f'<td class="n" data-what="{name}">{value}</td>' for name, value in zip(_COLUMNS, values, strict=True)
    )
    name = f'{place}. <a href="#a{entry.asset[:12]}">{escape(entry.name)}</a> {escape(entry.version)}'
    return f'<tr><td class="name">{name}{" (a copy)" if entry.copy_of else ""}</td>{cells}</tr>'


def _card(entry: Entry, samples: list[str]) -> str:
    kind = ' class="copy"' if entry.copy_of else ""
    lines = [
        f"<h2>{escape(entry.name)} {escape(entry.version)}</h2>",
        f"<p>{escape(entry.summary)}</p>" if entry.summary else "",
        f"<p>{escape(entry.engine)}, {escape(entry.licence)}</p>" if entry.licence else "",
        f"<p>A copy of <code>{entry.copy_of[:12]}</code>: it earns nothing.</p>" if entry.copy_of else "",
        "".join(f"<p>{escape(name)}: {value:g}</p>" for name, value in entry.figures.items()),
        _paid(entry),
        "<p>Made by "
        + ", ".join(f"<code>{one.node[:12]}</code> {one.ppm / 10_000:g}%" for one in entry.contributors)
        + "</p>",
        f'<p class="quiet"><code>{entry.asset}</code></p>',
        "".join(
            f'<audio controls preload="none" src="{SAMPLES}/{escape(name)}" '
            f'aria-label="A sample of {escape(entry.name)}"></audio>'
            for name in samples
        ),
    ]
    return f'<article id="a{entry.asset[:12]}"{kind}>{"".join(lines)}</article>'


def _paid(entry: Entry) -> str:
    if entry.copy_of:
        return ""
    parts = ", ".join(f"{ppm / 10_000:g}% to <code>{asset[:12]}</code>" for asset, _, ppm in entry.lineage)
    return f"<p>Each use pays {parts}</p>"


def _ant(nano: int) -> str:
    whole, rest = divmod(nano, NANO)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
