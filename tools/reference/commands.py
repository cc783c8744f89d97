"""`docs/reference/commands.md`, from the command line itself."""

from collections.abc import Iterator
from inspect import cleandoc

import click

from tools.reference.tables import table
from webapp.cli import cli

OPENING = """# Commands

`calldesk --help`, and `--help` of each command, say the same. A command ends with 0, with 1 where
it was refused or the database can't be used, and with 2 where it can't work as it was called or set
up; every refusal is one line on standard error.
"""


def commands_page() -> str:
    """Return every command with its arguments and options."""
    context = click.Context(cli, info_name="calldesk")
    return "\n".join([OPENING, _words(context), *(_command(found) for found in commands(context))])


def commands(context: click.Context) -> Iterator[click.Context]:
    """Yield a context for each command below one, those that are groups only passed through."""
    group = context.command
    if not isinstance(group, click.Group):
        yield context
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        yield from commands(click.Context(command, info_name=name, parent=context))


def _command(context: click.Context) -> str:
    return f"## {context.command_path}\n\n" + _words(context)


def _words(context: click.Context) -> str:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    options = [
        record
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context)) and record[1] and "--help" not in record[0]
    ]
    rows = table(("Option", "Meaning"), [(f"`{name}`", meaning) for name, meaning in options])
    return f"{cleandoc(command.help or '')}\n\n```text\n{usage}\n```\n" + (f"\n{rows}" if options else "")
