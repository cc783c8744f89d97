"""How a command ends that can't do what it is asked."""

import sys
from typing import NoReturn

import click

EXIT_REFUSED = 1
EXIT_USAGE = 2


def fail(message: str, code: int = EXIT_REFUSED) -> NoReturn:
    """Say why, one line on standard error for each of the message's, and end."""
    for line in message.splitlines():
        click.echo(f"calldesk: {line}", err=True)
    sys.exit(code)
