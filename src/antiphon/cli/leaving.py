"""How a job that orders sound ends before its time: what became of the money and the sound, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from antiphon.cli.app import Terminated
from antiphon.cli.exit_codes import CANCELLED_EXIT, Cancelled
from antiphon.errors import AntiphonError, FundsError, ModelError, PartialError, RejectedError, UnavailableError

if TYPE_CHECKING:
    from antiphon.cli.jobs import Jobs
    from antiphon.cli.manuscript import Extent
    from antiphon.cli.result import Result
    from antiphon.door.connecting import Session
    from antiphon.ledger.operations import Selector


@contextmanager
def told_end(result: Result, jobs: Jobs | None) -> Iterator[None]:
    """However the work was ended, the reader hears what became of the money and the sound, and how to go on."""
    try:
        yield
    except (KeyboardInterrupt, Terminated) as error:
        code = 128 + error.number if isinstance(error, Terminated) else CANCELLED_EXIT
        raise Cancelled(" ".join(("Cancelled.", result.standing, *_going_on(result, jobs))), code) from error
    except AntiphonError as error:
        more = _going_on(result, jobs)
        if not more:
            raise
        hint = f"{error.hint}." if error.hint and error.hint[-1] not in ".?!" else error.hint
        raise type(error)(error.what, " ".join((hint, *more)).strip()) from error
    finally:
        if jobs is not None:
            jobs.leave()


def _going_on(result: Result, jobs: Jobs | None) -> list[str]:
    """Where the sound lies that was made, and the command that makes the rest."""
    from antiphon.cli.figures import clock

    told = []
    if result.left is not None:
        told.append(f"{clock(result.seconds)} of sound are in {result.left}.")
    if jobs is not None and jobs.worth_resuming:
        told.append(f"Go on: {jobs.command('--resume')}")
    return told


def partial(result: Result, jobs: Jobs | None, extent: Extent | None) -> PartialError:
    from antiphon.cli.figures import counted

    noun = extent.noun if extent else "sentence"
    first = result.missing[0]
    begins = f" ({first.begins!r})" if first.begins else ""
    others = f" and {counted(len(result.missing) - 1, 'other')}" if len(result.missing) > 1 else ""
    again = f"Buy only what is missing: {jobs.command('--resume')}" if jobs is not None and jobs.worth_resuming else ""
    return PartialError(
        f"{noun.capitalize()} {first.number + 1}{begins}{others} {'are' if others else 'is'} missing", again
    )


async def standing(session: Session, result: Result) -> str:
    """After a cancel: what was paid for, and what came back."""
    from antiphon.cli.figures import ant, paid_nano

    try:
        parts = [part for task in result.opened for part in await session.ledger.parts(task)]
        account = await session.ledger.account(session.client.node_id)
    except AntiphonError:
        return "What was not delivered is refunded."
    paid = paid_nano(session.client.node_id, parts)
    done = f"{ant(paid)} was paid for what was made" if paid else "Nothing was paid"
    held = (
        f"{ant(account.escrow_nano)} stays in escrow until it is judged"
        if account.escrow_nano
        else "the rest came back"
    )
    return f"{done}, {held}."


async def no_funds(session: Session) -> FundsError:
    from antiphon.cli.figures import ant

    own = session.client.node_id
    balance = ant((await session.ledger.account(own)).balance_nano)
    hint = f"Ask the ledger's operator to run: antiphon account deposit 10 --to {own}"
    return FundsError(
        f"Your balance of {balance} does not cover what the quote holds in escrow",
        hint if session.bank is None else "Deposit: antiphon account deposit 10",
    )


def explained(
    error: BaseException, session: Session, result: Result, began_s: float, selector: Selector
) -> AntiphonError | None:
    """The same failure with what a user can do about it."""
    from antiphon.cli import logs

    if isinstance(error, RejectedError) and result.receipts:
        why = f"Why: antiphon receipt show {result.receipts[-1]}"
        return RejectedError(f"{error.what.rstrip('.')}; you were refunded", why)
    if isinstance(error, (RejectedError, UnavailableError)):
        if (problem := session.problem() or _not_installed(session, selector.engine)) is not None:
            return problem
        if (missing := _no_node(error, session, selector)) is not None:
            return missing
        if not session.joined and (log := logs.since(began_s)) is not None:
            return type(error)(error.what, f"{error.hint} Details: {log}")
    return None


def _no_node(error: AntiphonError, session: Session, selector: Selector) -> UnavailableError | None:
    """Nobody runs the engine, or the model, that was ordered: the command that would."""
    engine, asset = selector.engine, selector.asset[:12]
    if not error.what.startswith("No processor node offers") or not engine:
        return None
    from antiphon.engines import registry

    if engine not in registry.names():
        return None
    run = f"antiphon node processor --engine {engine}{f' --asset {asset}' if asset else ''}"
    engine = f"{engine} with the model {asset}" if asset else engine
    if session.joined:
        return UnavailableError(f"No node of this network runs the engine {engine}", f"Run one beside it: {run}")
    return UnavailableError(
        f"The network in this process does not run the engine {engine}",
        f"Serve one that does: antiphon ledger serve; then, each beside it: {run}, and antiphon node validator.",
    )


def _not_installed(session: Session, engine: str) -> ModelError | None:
    """The engine of the order runs here, and its model is missing or damaged: the command that installs it."""
    from antiphon.engines import registry

    if session.joined or engine not in registry.names():
        return None
    try:
        begin = getattr(registry.load(engine), "warm_up", None)
        if begin is not None:
            begin()
    except ModelError as error:
        return error
    return None
