"""`antiphon book`: a document in, an audiobook with chapters out, through the whole network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.delivering import CommandJob, deliver, order_fields
from antiphon.cli.jobs import Jobs
from antiphon.cli.loudness import SPEECH
from antiphon.cli.options import OutputOptions, order_options
from antiphon.cli.warming import warm_up
from antiphon.door.settings import DEFAULT_VOICE, Settings
from antiphon.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from antiphon.books import Book, Cast, Telling, Timeline
    from antiphon.cli.manuscript import Extent
    from antiphon.cli.result import Result
    from antiphon.text import Tell

MAX_COVER_BYTES = 16 << 20
SHOWN_CHARS = 70

EPILOG = """\b
Examples:
  antiphon book book.txt -o book.m4b --voice hibari --subtitles
  antiphon book book.txt --list paragraphs
  antiphon book book.txt --list cast
  antiphon book book.txt -o book.m4b --voice hibari --subtitles --remake 1.1
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format-in",
    type=click.Choice(["epub", "docx", "pdf", "text", "markdown", "html"]),
    help="What FILE is.  [default: by its name, else guessed]",
)
@click.option("--voice", help=f"A name from `antiphon voices`, or a mix a:0.6+b:0.4.  [default: {DEFAULT_VOICE}]")
@click.option(
    "--chapter-voice",
    "chapter_voices",
    multiple=True,
    metavar="N=VOICE",
    help="The voice of chapter N, from 1 on.",
)
@click.option(
    "--voices",
    "cast",
    metavar="NAME=VOICE,...",
    help="Who speaks how: narrator=af_heart,Anna=af_bella.",
)
@click.option(
    "--cast", "cast_file", type=click.Path(path_type=Path), metavar="FILE", help="The same in a file; see --list cast."
)
@click.option("--quotes", metavar="VOICE", help="The voice of all other speech.  [default: the narrator's]")
@click.option("--language", help="BCP 47, as in en-us or de; by default the voice's.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="0.25 to 4.")
@click.option("--seed", type=int, help="The same seed gives the same audio.")
@click.option("--lexicon", metavar="FILE", help="How words are said: a line `word = said as` each.")
@click.option("--title", help="By default what FILE says of itself.")
@click.option("--author", help="By default what FILE says of itself.")
@click.option("--cover", type=click.Path(path_type=Path), metavar="FILE", help="A JPEG or PNG; by default the EPUB's.")
@click.option("--subtitles", is_flag=True, help="Write the text with its times beside it, as .srt and .vtt.")
@click.option("--read-along", is_flag=True, help="Write an EPUB 3 beside it that marks each sentence as it is heard.")
@click.option(
    "--remake", multiple=True, metavar="N.M", help="Make paragraph M of chapter N anew; the rest is as it was made."
)
@click.option(
    "--list",
    "listed",
    type=click.Choice(["paragraphs", "cast", "quotes"]),
    help="Print it, make nothing.",
)
@click.option("--keep/--no-keep", default=True, help="Keep what was made for 14 days, for --remake.  [default: keep]")
@order_options("book.m4b", SPEECH, book=True)
@click.pass_obj
def book(settings: Settings, /, file: Path, output: str, **given: Any) -> None:
    """Turn the document FILE (EPUB, PDF, DOCX, Markdown, HTML, text) into an audiobook: AAC in MP4 with chapters.

    Headings are chapters. A line that begins with [voice NAME] changes the voice, [voice] goes back. A run that ended
    early goes on with --resume: what was made is not paid again. So does one whose text was changed; --remake makes
    a paragraph anew that is not well read.
    """
    from antiphon.cli.manuscript import teller

    if given["listed"] is None:
        checked_output(output)
    tell = teller(quiet=given["quiet"] or given["as_json"])
    telling, extent = _telling(file, given, tell)
    if given["listed"] is not None:
        click.echo("\n".join(listed(telling, given)))
        return
    again = telling.named(given["remake"])
    from antiphon.books import Timeline
    from antiphon.client.speech import OUTPUT_RATE_HZ

    timeline = Timeline(OUTPUT_RATE_HZ)
    order = telling.order(settings, timeline)
    if len(order.charges) > 1:
        extent = replace(extent, exact=False)  # voices of several prices: the first quote says little of the whole
    source = str(file.resolve())
    asked = "\0".join(("book", source, telling.fields.get("voice", "")))
    jobs = Jobs(settings, output, given["resume"], asked, keep=given["keep"], remake=bool(again))
    store = jobs.open(salt=f"{order.selector.engine} {given['seed']}")
    if again and store is not None:
        store.remake(telling.requests(settings), (number for one in again for number in one.sentences))
    warm_up(settings, voice=telling.fields.get("voice", "") or DEFAULT_VOICE, engine=given["engine"] or "")
    draft = Path(output).with_suffix(".part.aac")
    options = options_of(draft, telling.book, given)
    job = CommandJob(
        order,
        store,
        jobs,
        keep_going=True,
        facts={"chapters": len(telling.book.chapters)},
        then=lambda result: finish(result, draft, Path(output), telling, timeline, given),
    )
    deliver(settings, options, job, extent=extent)


def _telling(file: Path, given: dict[str, Any], tell: Tell) -> tuple[Telling, Extent]:
    """The book and how it is told, and how much of it there is. Raises `InputError`."""
    from antiphon.books import Lexicon, Telling, open_book, read_lexicon, voiced
    from antiphon.cli.manuscript import BEGINNING_CHARS, MAX_BEGINNINGS, Extent
    from antiphon.door.speaking import SayFields

    found, cast = open_book(file, given["format_in"], tell), cast_of(given)
    given["voice"] = given["voice"] or cast.narrator or None
    found = found if given["listed"] is not None else voiced(found, cast)
    cover = cover_in(given["cover"]) if given["cover"] else found.cover
    found = replace(found, title=given["title"] or found.title, author=given["author"] or found.author, cover=cover)
    lexicon = read_lexicon(given["lexicon"]) if given["lexicon"] else Lexicon({})
    fields: SayFields = {
        "voice": given["voice"] or "",
        "language": given["language"] or ("" if given["voice"] else _foreign(found)),
        "speed": given["speed"],
        "markup": "text",
        "voices": {},
        "lexicon": {},
        "word_times": False,
        "asset": "",
        **order_fields({**given, "stream": None}, ""),
    }
    telling = Telling(found, fields, lexicon, dict(map(_chapter_voice, given["chapter_voices"])))
    count = chars = 0
    beginnings = list[str]()
    for sentence in telling.sentences():
        count, chars = count + 1, chars + len(sentence)
        if count <= MAX_BEGINNINGS:
            beginnings.append(" ".join(sentence[:BEGINNING_CHARS].split()))
    words = f"{len(found.chapters)} chapter{'s' if len(found.chapters) > 1 else ''}"
    tell(f"{found.title!r}{f' by {found.author}' if found.author else ''}: {words}")
    return telling, Extent(count, chars, True, tuple(beginnings))


def cast_of(given: dict[str, Any]) -> Cast:
    """The voices of the command line, on those of the file. Raises `InputError`."""
    from antiphon.books import Cast, joined, read_cast, read_cast_file

    in_file = read_cast_file(given["cast_file"]) if given["cast_file"] else Cast()
    quotes = Cast({"?": given["quotes"]}) if given["quotes"] else Cast()
    return joined(in_file, read_cast((given["cast"] or "").split(","), "--voices"), quotes)


def listed(telling: Telling, given: dict[str, Any]) -> Iterator[str]:
    """What a person asks for before the book is made."""
    from antiphon.books import cast_lines, quote_lines, spoken

    if given["listed"] == "paragraphs":
        return (f"{one.name}\t{shortened(one.text)}" for one in telling.paragraphs())
    found, cast = spoken(telling.book, cast_of(given)), cast_of(given)
    return cast_lines(found, cast) if given["listed"] == "cast" else quote_lines(found)


def shortened(text: str) -> str:
    """The beginning of a text, for people."""
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]} ..."


def options_of(draft: Path, found: Book, given: dict[str, Any]) -> OutputOptions:
    """Where the sound goes before it is bound."""
    from antiphon.audio import SPEECH_EXPECTED_LUFS

    return OutputOptions(
        str(draft), "aac", given["as_json"], given["quiet"], given["loudness"], SPEECH_EXPECTED_LUFS, found.title
    )


def finish(
    result: Result, draft: Path, output: Path, telling: Telling, timeline: Timeline, given: dict[str, Any]
) -> None:
    """Bind the sound, write what belongs beside it, and leave no draft. Raises `OutputError`; then the draft stays."""
    from antiphon.books import bind, srt, webvtt, write_read_along

    result.left = draft
    narrator = telling.fields.get("voice", "") or DEFAULT_VOICE
    bind(draft, output, telling.book, timeline.marks, narrator)
    if given["read_along"]:
        write_read_along(output, output.with_suffix(".epub"), telling.book, timeline)
    if given["subtitles"]:
        for suffix, lines in ((".srt", srt(timeline.cues)), (".vtt", webvtt(timeline.cues))):
            try:
                with output.with_suffix(suffix).open("w", encoding="utf-8", newline="\n") as stream:
                    stream.writelines(lines)
            except OSError as error:
                raise OutputError(
                    f"Cannot write {str(output.with_suffix(suffix))!r}: {error.strerror}", "Free some space there."
                ) from error
    draft.unlink(missing_ok=True)
    result.output, result.left = str(output), None


def checked_output(output: str) -> None:
    """Raises `OutputError` or `InputError` for what no book can be written to."""
    from antiphon.books.binding import SUFFIXES

    path = Path(output)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{output!r} is no name of an audiobook", f"End it in {', '.join(SUFFIXES)}.")
    if path.is_dir():
        raise OutputError(f"{output!r} is a folder", f"Name a file in it, such as {path / 'book.m4b'}.")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"The folder of {output!r} does not exist", f"Create it: mkdir -p {path.parent}.")


def cover_in(file: Path) -> bytes:
    """A cover that its owner names. Raises `InputError`."""
    from antiphon.books.binding import check_cover

    try:
        with file.open("rb") as stream:
            cover = stream.read(MAX_COVER_BYTES + 1)
    except OSError as error:
        raise InputError(f"Cannot read {str(file)!r}: {error.strerror}", "Check the name of the cover.") from error
    if len(cover) > MAX_COVER_BYTES:
        raise InputError(f"{str(file)!r} is larger than {MAX_COVER_BYTES >> 20} MB", "Give a smaller cover.")
    check_cover(cover, repr(str(file)))
    return cover


def _foreign(found: Book) -> str:
    """The book's language, where the default voice does not speak it."""
    return "" if found.language.lower().partition("-")[0] in {"", "en"} else found.language.partition("-")[0].lower()


def _chapter_voice(given: str) -> tuple[int, str]:
    number, sign, voice = given.partition("=")
    if not sign or not number.strip().isdecimal() or not voice.strip():
        raise InputError(f"--chapter-voice {given!r} is not N=VOICE", "Write for example: --chapter-voice 2=bm_george")
    return int(number), voice.strip()
