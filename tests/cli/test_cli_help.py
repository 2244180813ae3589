"""Every command explains itself, and its examples are commands that parse."""

from __future__ import annotations

import shlex
import subprocess
import sys

import click
import pytest
from cli_running import commands

from antiphon.cli.app import EPILOG, VERBS, group

COMMANDS = commands()


def examples(epilog: str) -> list[list[str]]:
    """The words after `antiphon` of every example line, up to a pipe or a redirection."""
    found = []
    for line in epilog.splitlines():
        words = shlex.split(line.strip().removeprefix('eval "$(').removesuffix(')"'))
        if words[:1] == ["antiphon"]:
            end = next((number for number, word in enumerate(words) if word in {"|", ">"}), len(words))
            found.append(words[1:end])
    return found


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(words):
    command = COMMANDS[words]
    assert command.help
    shown = examples(command.epilog or "")
    assert shown
    assert any(set(words) <= set(example) for example in shown)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_of_a_command_is_explained(words):
    silent = [one.name for one in COMMANDS[words].params if isinstance(one, click.Option) and not one.help]
    assert silent == []


@pytest.mark.parametrize(
    "example",
    [one for text in (EPILOG, *(command.epilog or "" for command in COMMANDS.values())) for one in examples(text)],
    ids=" ".join,
)
def test_examples_parse(example):
    arguments = ["say", "--help"] if example[0] == "COMMAND" else list(example)
    context = group.make_context("antiphon", arguments, resilient_parsing=False)
    rest = [*context._protected_args, *context.args]
    command: click.Command = group
    while isinstance(command, click.Group) and rest:
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        if isinstance(found, click.Group) and (not rest or rest[0].startswith("-")):
            break
        if "--help" in rest:
            return
        command = found
        if not isinstance(found, click.Group):
            found.make_context(name or "", list(rest), parent=context)


def test_the_overview_says_what_the_commands_say_of_themselves():
    listed = {name: verb.summary for section in VERBS.values() for name, verb in section.items()}
    assert set(listed) == {words[0] for words in COMMANDS}
    assert all(summary.endswith(".") and len(summary) < 50 for summary in listed.values())


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["say", "--help"]], ids=" ".join)
def test_help_loads_neither_models_nor_mathematics(arguments):
    code = (
        "import atexit, sys; sys.argv = ['antiphon', *sys.argv[1:]]\n"
        "heavy = ('numpy', 'asyncio', 'rich', 'onnxruntime')\n"
        "atexit.register(lambda: print([name for name in heavy if name in sys.modules], flush=True))\n"
        "from antiphon.cli import main\n"
        "main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == ("[]" if arguments != ["say", "--help"] else "['asyncio']")


GROUPS = [words for words, one in COMMANDS.items() if isinstance(one, click.Group)]


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_a_group_tells_each_of_its_commands_by_a_whole_sentence(words):
    told = COMMANDS[words].get_help(click.Context(COMMANDS[words], info_name=words[-1], terminal_width=80))
    listed = told.split("\nCommands:\n")[1].split("\n\n")[0]
    assert "..." not in listed
    assert all(name in listed for name in COMMANDS[words].commands)
