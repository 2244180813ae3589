"""How a command ends: every failure becomes one line on stderr and an exit code; what nobody foresaw goes to a log."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from antiphon.errors import AntiphonError, OutputError, is_full

CANCELLED_EXIT = 130  # 128 + SIGINT, as shells count
UNEXPECTED_EXIT = 1
MAX_LINE_CHARS = 600


class Cancelled(Exception):  # noqa: N818 - not an error: somebody asked for it
    """A command was stopped and has cleaned up; `what` tells how things stand now."""

    def __init__(self, what: str, exit_code: int) -> None:
        self.what = what
        self.exit_code = exit_code
        super().__init__(what)


def end(command: click.Command) -> int:
    """Run the command line; return the exit code. 0 also when the reader of our output has seen enough."""
    verbose = False
    try:
        verbose = _wants_traceback(sys.argv[1:])
        code = command.main(standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BaseException as error:  # noqa: BLE001 - the outermost edge: nothing may show a user a traceback
        if isinstance(error, BrokenPipeError):
            _drop_stdout()
            return 0
        _drop_stdout_if_broken()
        line, code = _told(error, verbose=verbose)
        with contextlib.suppress(OSError, ValueError):
            click.echo(line, err=True)
        return code


def _told(error: BaseException, *, verbose: bool) -> tuple[str, int]:  # noqa: PLR0911 - one line a class
    """One line and an exit code for whatever ended the command."""
    from antiphon.cli.app import Terminated

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message(), error.exit_code
    if isinstance(error, click.UsageError):
        return _usage(error), error.exit_code
    if isinstance(error, click.ClickException):
        return f"antiphon: {_one_line(error.format_message())}", error.exit_code
    if isinstance(error, Cancelled):
        return f"antiphon: {error.what}", error.exit_code
    if isinstance(error, (KeyboardInterrupt, click.exceptions.Abort)):
        return "antiphon: Cancelled.", CANCELLED_EXIT
    if isinstance(error, Terminated):
        return f"antiphon: Stopped by {error}.", 128 + error.number
    if isinstance(error, AntiphonError):
        if verbose and error.__cause__ is not None:
            import traceback

            traceback.print_exception(error)
        return f"antiphon: {_one_line(str(error))}", error.exit_code
    if isinstance(error, SystemExit):
        return "", error.code if isinstance(error.code, int) else UNEXPECTED_EXIT
    if isinstance(error, OSError) and is_full(error):
        where = f" while writing {error.filename}" if error.filename else ""
        return f"antiphon: The disk is full{where}. Free some space, then try again.", OutputError.exit_code
    return _unexpected(error, verbose=verbose), UNEXPECTED_EXIT


def _usage(error: click.UsageError) -> str:
    """Click's own complaint, with the command whose help says more."""
    path = error.ctx.command_path if error.ctx is not None else "antiphon"
    message = _one_line(error.format_message())
    stop = "" if message.endswith((".", "?", "!")) else "."
    return f"antiphon: {message}{stop} See {path} --help."


def _unexpected(error: BaseException, *, verbose: bool) -> str:
    """A defect of ours: the traceback goes to a file, the user gets one line that says where it is."""
    import traceback

    from antiphon.cli.logs import write_crash

    text = "".join(traceback.format_exception(error))
    if verbose:
        click.echo(text, err=True)
    file = write_crash(text)
    proof = f"the traceback in {file}" if file else "what antiphon --verbose ... shows"
    return f"antiphon: Unexpected {type(error).__name__}, a defect of antiphon. Report it with {proof}"


def _wants_traceback(arguments: list[str]) -> bool:
    return any(one in {"-v", "--verbose"} for one in arguments)


def _one_line(message: str) -> str:
    """At most `MAX_LINE_CHARS` of what can be printed: a message may quote what a stranger sent."""
    line = "".join(char if char.isprintable() else " " for char in message)
    line = " ".join(line.split())
    return line if len(line) <= MAX_LINE_CHARS else f"{line[:MAX_LINE_CHARS]} ..."


def _drop_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush stays silent."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def _drop_stdout_if_broken() -> None:
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _drop_stdout()
