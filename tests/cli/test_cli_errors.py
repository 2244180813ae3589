"""Bad input ends with one line that says what to do, the exit code of its class, and nothing left behind."""

from __future__ import annotations

import json
import logging
import sqlite3
from pathlib import Path

import click
import pytest

from antiphon.cli import exit_codes, logs
from antiphon.cli.app import Terminated
from antiphon.errors import FundsError, ProtocolError

REFUSED = [
    ([""], "The text is empty"),
    (["   "], "The text is empty"),
    (["... !!! \N{GRINNING FACE}"], "nothing that can be spoken"),
    (["a\x00b"], "control characters"),
    (["caf\udc81 au lait"], "not UTF-8"),
    (["half \ud83d a sign"], "lone surrogate"),
    (["Hello.", "--file", "book.txt"], "Both TEXT and --file"),
    (["--file", "book.txt"], "does not exist"),
    (["--file", "."], "is a folder"),
    (["Hello.", "--voice", "af_hart"], "Did you mean af_heart"),
    (["Hello.", "--voice", "hibari+af_heart"], "voices of one engine"),
    (["Hello.", "--voice", "af_heart:-1+bf_emma:2"], "weights > 0"),
    (["Hello.", "--voice", "af_heart:0"], "weights > 0"),
    (["Hello.", "--voice", "af_heart:inf"], "weights > 0"),
    (["Hello.", "--voice", "af_heart:x"], "is not a number"),
    (["Hello.", "--voice", "hibari", "--engine", "kokoro"], "belongs to engine"),
    (["Hello.", "--voice", "hibari", "--language", "de"], "does not speak 'de'"),
    (["Hello.", "--engine", "kokorro"], "kokoro"),
    (["Hello.", "--language", "xx"], "No voice speaks"),
    (["Hello.", "--speed", "nan"], "outside 0.25-4"),
    (["Hello.", "--speed", "9"], "outside 0.25-4"),
    (["Hello.", "--speed", "2", "--voice", "espeak-en-us"], "understood up to speed 1.25, not at 2"),
    (["Hello.", "--seed", "-1"], "outside 0-"),
    (["Hello.", "--seed", str(2**70)], "outside 0-"),
    (["Hello.", "--option", "pitch"], "not KEY=VALUE"),
    (["Hello.", "--option", "pitch=3"], "no hibari option 'pitch'"),
    (["Hello.", "--voice", "espeak-de", "--option", "pitch=900"], "pitch"),
    (["Hello.", "--format", "wave3"], "Did you mean wav"),
    (["Hello.", "--max-cost", "nan"], "not an amount"),
    (["Hello.", "--max-cost", "0"], "no positive amount"),
    (["Hello.", "--voce", "x"], "Did you mean '--voice'"),
    (["Hello.", "-o", "-", "--json"], "both need stdout"),
]


def left_behind() -> list[str]:
    return [path.name for path in Path().iterdir()]


@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_a_wrong_request_is_refused_before_anything_starts(call, home, arguments, said):
    ended = call("say", "-o", "out.wav", *arguments)
    assert ended.code == 2
    assert said in ended.complaint
    assert left_behind() == []
    assert not (home / "ledger.db").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no text"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "binary"),
        (b"word " * 3_500_000, "more than 16,777,216 bytes"),
    ],
    ids=["empty", "pdf", "binary", "huge"],
)
def test_a_file_that_cannot_be_read_aloud_is_refused(call, content, said):
    Path("book.txt").write_bytes(content)
    ended = call("say", "--file", "book.txt", "-o", "out.wav")
    assert (ended.code, said in ended.complaint) == (2, True)
    assert left_behind() == ["book.txt"]


def test_the_name_of_a_text_file_is_not_read_aloud(call):
    Path("book.txt").write_text("Once upon a time.")
    assert "--file book.txt" in call("say", "book.txt").complaint


@pytest.mark.parametrize(
    ("output", "code", "said"),
    [
        ("nowhere/out.wav", 6, "mkdir -p nowhere"),
        (".", 6, "is a folder"),
        ("out", 2, "no suffix"),
        ("out.xyz", 2, "xyz"),
    ],
)
def test_an_impossible_output_is_refused_before_anything_starts(call, home, output, code, said):
    ended = call("say", "Hello there.", "-o", output)
    assert (ended.code, said in ended.complaint) == (code, True)
    assert not (home / "ledger.db").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sya", "Hello."], "Did you mean 'say'"),
        (["--home", "/dev/null/x", "account"], "--home"),
        (["--profile", "nobody", "account"], "Choose from:"),
        (["account", "deposit", "-5"], "positive"),
        (["account", "deposit", "nan"], "not an amount"),
        (["account", "deposit", "1e30"], "not an amount"),
        (["account", "deposit", "0.0000000001"], "9 decimals"),
        (["voices", "--engine", "nobody"], "Engines:"),
        (["voices", "--language", "xx"], "antiphon voices"),
        (["receipt", "verify"], "antiphon receipt verify --help"),
        (["receipt", "show", "nowhere.json"], "cannot be read"),
        (["--ledger", "nonsense", "account"], "http://host:port"),
        (["ledger", "serve", "--grant", "nan"], "not an amount"),
        (["node", "processor", "--engine", "hibari", "--price", "0"], "positive"),
        (["node", "validator", "--bond", "inf"], "not an amount"),
        (["completion", "tcsh"], "tcsh"),
    ],
)
def test_other_commands_say_what_is_wrong_in_one_line(call, arguments, said):
    ended = call(*arguments)
    assert ended.code in {2, 6}
    assert said in ended.complaint


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:9"])
def test_an_unreachable_ledger_is_named(call, url):
    ended = call("--ledger", url, "account")
    assert ended.code == 4
    assert url in ended.complaint


def damage(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)


def test_a_file_that_is_no_ledger_is_left_alone(call, home):
    damage(home / "ledger.db", b"not a database at all")
    ended = call("account")
    assert (ended.code, "not a ledger" in ended.complaint) == (7, True)
    assert (home / "ledger.db").read_bytes() == b"not a database at all"


def test_another_programs_database_and_a_newer_ledger_are_left_alone(call, home):
    home.mkdir()
    with sqlite3.connect(home / "ledger.db") as db:
        db.execute("CREATE TABLE other (x)")
    db.close()
    ended = call("account")
    assert (ended.code, "another program" in ended.complaint) == (7, True)


@pytest.mark.parametrize("content", [b"{}", b"\xff" * 90, b""])
def test_a_damaged_key_is_never_replaced(call, home, content):
    damage(home / "keys" / "operator.key", content)
    ended = call("account")
    assert (ended.code, "operator.key is damaged" in ended.complaint) == (7, True)
    assert (home / "keys" / "operator.key").read_bytes() == content


def test_a_receipt_that_is_none_is_refused(call):
    Path("r.json").write_text("{")
    ended = call("receipt", "verify", "r.json")
    assert (ended.code, "r.json is not a receipt" in ended.complaint) == (9, True)


def failing(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (FundsError("No money", "Deposit."), 3, "No money. Deposit."),
        (ProtocolError("a\nb\x1b[31m" + "c" * 9_000), 9, "a b [31mc"),
        (KeyboardInterrupt(), 130, "Cancelled."),
        (Terminated(15), 143, "SIGTERM"),
        (exit_codes.Cancelled("Cancelled. Nothing was paid.", 130), 130, "Nothing was paid."),
        (OSError(28, "No space left on device", "/data/x"), 6, "The disk is full while writing /data/x."),
    ],
    ids=["ours", "a stranger's words", "ctrl-c", "term", "cancelled", "disk full"],
)
def test_each_end_has_its_code_and_one_short_line(error, code, said, capfd, monkeypatch):
    monkeypatch.setattr("sys.argv", ["antiphon"])
    assert exit_codes.end(failing(error)) == code
    (line,) = filter(None, capfd.readouterr().err.splitlines())
    assert line.startswith("antiphon: ")
    assert said in line
    assert len(line) < 700


@pytest.mark.parametrize("verbose", [False, True])
def test_an_unforeseen_error_goes_to_a_file_and_not_to_the_user(tmp_path, capfd, monkeypatch, verbose):
    monkeypatch.setattr(logs, "_folder", tmp_path / "logs")
    monkeypatch.setattr("sys.argv", ["antiphon", *(["-v"] if verbose else [])])

    @click.command()
    @click.option("-v", is_flag=True)
    def command(v: bool) -> None:
        raise ZeroDivisionError("secret detail")

    assert exit_codes.end(command) == 1
    said = capfd.readouterr().err
    (file,) = (tmp_path / "logs").iterdir()
    assert f"Unexpected ZeroDivisionError, a defect of antiphon. Report it with the traceback in {file}" in said
    assert "secret detail" in file.read_text()
    assert ("Traceback" in said) is verbose
    assert file.stat().st_mode & 0o077 == 0


def test_the_log_is_made_only_when_there_is_something_to_tell(call, home):
    call("voices")
    assert not home.exists()
    logging.getLogger("antiphon.nodes").warning("a node stumbles")
    assert "a node stumbles" in (home / "logs" / "antiphon.log").read_text()


def test_json_lists_are_json(call):
    assert len(json.loads(call("voices", "--json").out)) > 100
    assert json.loads(call("engines", "--json").out)["espeak"]["options"]["pitch"].startswith("whole number 0 to 99")
