"""Groups of commands, each told by a whole sentence."""

from __future__ import annotations

import click

_WHOLE = 1_000
"""Longer than any first sentence: what does not fit a line is wrapped, where click cuts it."""


class Verbs(click.Group):
    """A group whose --help cuts no command's sentence. Groups within it are of the same kind."""

    group_class = type

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        shown = [(name, one.get_short_help_str(_WHOLE)) for name, one in found if one and not one.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(shown)
