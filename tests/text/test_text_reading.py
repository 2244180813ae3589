"""Text from outside is taken whole or refused with advice."""

import codecs
import io
import tracemalloc
from pathlib import Path

import pytest

from antiphon.errors import InputError
from antiphon.text import read_text


def write(folder: Path, data: bytes) -> Path:
    path = folder / "text.txt"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data",
    [
        "Grüße, 世界!".encode(),
        codecs.BOM_UTF8 + "Grüße, 世界!".encode(),
        codecs.BOM_UTF16_LE + "Grüße, 世界!".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "Grüße, 世界!".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "Grüße, 世界!".encode("utf-32-le"),
    ],
)
def test_every_marked_encoding_gives_the_same_text(tmp_path: Path, data: bytes) -> None:
    assert "".join(read_text(write(tmp_path, data))) == "Grüße, 世界!"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-16-le", "Grüße, “quoted” words without a mark."),
        ("utf-16-be", "Grüße, “quoted” words without a mark."),
        ("windows-1252", "Grüße – “quoted” words, £5, naïve café."),
        ("latin-1", "Grüße"),
        ("windows-1252", "word " * 50_000 + "é la fin, déjà"),
    ],
)
def test_an_encoding_that_nobody_named_is_recognised_and_told(tmp_path: Path, encoding: str, text: str) -> None:
    told: list[str] = []
    assert "".join(read_text(write(tmp_path, text.encode(encoding)), tell=told.append)) == text
    assert told == [f"{'WINDOWS-1252' if encoding == 'latin-1' else encoding.upper()} by the look of its bytes"]


def test_utf_8_is_nothing_to_tell(tmp_path: Path) -> None:
    told: list[str] = []
    assert "".join(read_text(write(tmp_path, "Grüße, 世界!".encode()), tell=told.append))
    assert not told


def test_characters_across_blocks_stay_whole(tmp_path: Path) -> None:
    text = "a" + "世" * 100_000
    blocks = list(read_text(write(tmp_path, text.encode())))
    assert len(blocks) > 1
    assert "".join(blocks) == text


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "holds no text"),
        (b" \n\t ", "holds no text"),
        ("Привет, это текст.".encode("cp1251"), "not UTF-8.*iconv"),
        ("Była łąka i źdźbło.".encode("cp1250"), "not UTF-8.*iconv"),
        ("Grüße und ein Schaden: ".encode() + b"\xfc", "not UTF-8"),
        ("世".encode()[:2], "not UTF-8"),
        (codecs.BOM_UTF16_LE + b"a\0b", "not whole UTF-16-LE"),
        (b"text\0more", "binary"),
        (bytes(range(1, 32)) * 9, "binary"),
        (b"%PDF-1.7 etc", "PDF document.*pdftotext"),
        (b"PK\x03\x04word/document.xml", "ZIP, DOCX"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio"),
    ],
)
def test_what_is_no_text_is_refused_with_advice(tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what):
        list(read_text(write(tmp_path, data)))


def test_a_damaged_file_is_refused_before_its_first_block(tmp_path: Path) -> None:
    blocks = read_text(write(tmp_path, b"good " * 50_000 + b"\xff"))
    with pytest.raises(InputError, match="not UTF-8"):
        next(blocks)


def test_a_few_control_characters_are_left_out(tmp_path: Path) -> None:
    assert "".join(read_text(write(tmp_path, b"one\x07 two\x1b three\n"))) == "one two three\n"


def test_too_large_missing_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="more than 10 bytes"):
        list(read_text(write(tmp_path, b"x" * 11), max_bytes=10))
    with pytest.raises(InputError, match="does not exist"):
        list(read_text(tmp_path / "absent.txt"))
    with pytest.raises(InputError, match="is a folder"):
        list(read_text(tmp_path))
    with pytest.raises(InputError, match="Cannot read"):
        list(read_text("a\0b"))


def test_a_stream_without_end_stops_at_the_limit() -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, into) -> int:  # type: ignore[no-untyped-def, override]
            into[:] = b"word " * (len(into) // 5) + b"w" * (len(into) % 5)
            return len(into)

    with pytest.raises(InputError, match="more than"):
        for _ in read_text(io.BufferedReader(Endless()), max_bytes=1_000_000):
            pass


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("héllo".encode())))
    assert "".join(read_text("-")) == "héllo"


def test_one_byte_at_a_time_is_no_trouble() -> None:
    class Slow(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(1)

    assert "".join(read_text(Slow(codecs.BOM_UTF8 + "世界 é".encode()))) == "世界 é"


def test_a_large_file_is_read_with_flat_memory(tmp_path: Path) -> None:
    path = write(tmp_path, b"A sentence of some words. " * 200_000)
    tracemalloc.start()
    try:
        assert sum(map(len, read_text(path))) == 5_200_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
