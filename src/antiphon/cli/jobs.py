"""Jobs that can be continued: `--resume`, `--restart`, and what is told of a job that ended early."""

from __future__ import annotations

import hashlib
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.client.job_policy import JobPolicy
    from antiphon.client.job_store import JobStore
    from antiphon.door.settings import Settings

C = TypeVar("C", bound=Callable[..., Any])

resume_option: Callable[[C], C] = click.option(
    "--resume/--restart",
    "resume",
    default=None,
    help="Go on with an unfinished job, buying only what is missing; or begin it anew.",
)


@dataclass(slots=True)
class Jobs:
    """The stores of one command: its own, and those of steps before it."""

    settings: Settings
    output: str
    resume: bool | None
    asked: str  # tells whether it is the same job that is asked for
    keep: bool = False  # when it is complete, what was made stays
    remake: bool = False  # some of what was made is to be made anew
    stores: list[JobStore] = field(default_factory=list)

    def open(self, *, purpose: str = "", salt: str = "", noun: str = "sentence") -> JobStore | None:
        """What an earlier run left, or room for what this one makes. None where nothing can be kept: no regular file.

        Raises `InputError` for an unfinished job that is neither to be continued nor dropped, and for --resume where
        there is none.
        """
        from antiphon.cli.figures import counted
        from antiphon.client.job_store import JobStore, prune

        if not is_file(self.output):
            if self.resume:
                raise InputError("--resume needs a file that was begun", "Name it: -o FILE.")
            return None
        prune(self.settings.home)
        store = JobStore(self.settings.home, Path(self.output), purpose=purpose, salt=salt)
        self.stores.append(store)
        asked = hashlib.sha256(self.asked.encode("utf-8", "surrogateescape")).hexdigest()
        same = bool(store.begun and store.kept and store.header.asked == asked)
        if self.remake and not (same and store.header.complete):
            raise self._no_remake(begun=same)
        if same and store.header.complete and self.resume is None:
            self.resume = True  # what was made whole is not paid for again
        if same and self.resume is None:
            raise InputError(
                f"{self.output!r} has an unfinished job: {counted(store.kept, noun)} of it made, and paid for",
                f"Go on: {self.command('--resume')}. Or begin anew: --restart.",
            )
        if store.begun and not (self.resume or self.remake):
            store.discard()
            store = self.stores[-1] = JobStore(self.settings.home, Path(self.output), purpose=purpose, salt=salt)
        if not purpose and self.resume and not any(one.begun for one in self.stores):
            raise InputError(f"There is no unfinished job for {self.output!r}", "Leave --resume out to begin one.")
        store.asked = asked
        return store

    def _no_remake(self, *, begun: bool) -> InputError:
        if begun:
            return InputError(f"{self.output!r} is not whole yet", f"First go on: {self.command('--resume')}")
        return InputError(
            f"Nothing is kept of {self.output!r}, made of this file in this voice",
            "Make it first; what is made is kept for 14 days after it was last used.",
        )

    def complete(self) -> None:
        """Nothing is missing: nothing is kept, but where some of it may be made anew."""
        for store in self.stores:
            if self.keep:
                store.keep_complete()
            else:
                store.discard()

    def leave(self) -> None:
        """The command ends early. What holds nothing goes."""
        for store in self.stores:
            if store.begun and not store.kept and not store.tasks():
                store.discard()
            store.close()

    @property
    def worth_resuming(self) -> bool:
        """Whether anything was paid for that need not be paid again."""
        return any(store.begun and (store.kept or store.tasks()) for store in self.stores)

    def command(self, flag: str) -> str:
        """This command line with another flag, to be typed."""
        words = [word for word in sys.argv[1:] if word not in {"--resume", "--restart"}]
        while "--remake" in words:  # was begun: what is left of it is missing now
            at = words.index("--remake")
            del words[at : at + 2]
        return shlex.join(["antiphon", *words, flag])


def is_file(output: str) -> bool:
    """A regular file, which appears as it is made; not a pipe or a device, which plays as the sound comes."""
    return output != "-" and (not Path(output).exists() or Path(output).is_file())


def policy_of(store: JobStore | None, limit_nano: int | None, *, keep_going: bool) -> JobPolicy:
    """How a job of this command is carried through."""
    from antiphon.client.budget import Budget
    from antiphon.client.job_policy import JobPolicy

    return JobPolicy(Budget(limit_nano), store, keep_going)
