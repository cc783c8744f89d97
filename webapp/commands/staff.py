"""`calldesk staff`: who may log in, and what helps whoever can't."""

import sys

import click

from webapp.commands.work import with_work


@click.group()
def staff() -> None:
    """Manage the accounts of the call desk."""


@staff.command("add")
@click.argument("name")
@click.option("--admin", is_flag=True, help="May manage staff and keys.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def staff_add(name: str, admin: bool, password_stdin: bool) -> None:
    """Create an account for NAME. Asks for the password: 10 to 200 characters."""
    from services.accounts.staff import add_staff

    password = _ask_password(password_stdin)
    with_work(lambda work: add_staff(work, name, password, admin=admin))
    click.echo(f"{name} can log in now.")


@staff.command("unlock")
@click.argument("name")
def staff_unlock(name: str) -> None:
    """Let NAME try to log in again at once, after too many wrong passwords."""
    from services.accounts.staff import unlock

    with_work(lambda work: unlock(work, name))
    click.echo(f"{name} can try again.")


@staff.command("reset")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def staff_reset(name: str, password_stdin: bool) -> None:
    """Give NAME a one-time password, end their sessions and let them log in at once.

    It is printed now, works for three days and has to be changed at the login.
    """
    from services.accounts.staff import reset_password

    given = _ask_password(password_stdin) if password_stdin else None
    password = with_work(lambda work: reset_password(work, name, given))
    if given is None:
        click.echo(password)
    else:
        click.echo(f"{name} can log in with the new password.")


@staff.command("remove-totp")
@click.argument("name")
def staff_remove_totp(name: str) -> None:
    """Take the second factor of NAME away, who has lost it, and end their sessions."""
    from services.accounts.staff import remove_second_factor_of

    with_work(lambda work: remove_second_factor_of(work, name))
    click.echo(f"{name} can log in with the password alone.")


def _ask_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return click.prompt("Password", hide_input=True, confirmation_prompt=True)
