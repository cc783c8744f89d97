"""`calldesk api-key`: let services in, see which are, shut them out."""

from datetime import datetime

import click

from services.models import MOST_PER_MINUTE, ApiKey, KeyScope
from services.work import Work
from shared.config import get_config
from webapp.commands.work import with_work

COLUMNS = ("NAME", "BEGINS WITH", "SCOPES", "LIMIT", "UNTIL", "LAST USED", "STATE")


@click.group("api-key")
def api_key() -> None:
    """Manage the keys of the services that call the API."""


@api_key.command("create")
@click.argument("name")
@click.option("--scopes", help=f"What it may, with commas: {', '.join(KeyScope)} (default: all but metrics).")
@click.option("--expires", default="", help="Its last day, 2027-01-31, or 2027-01-31T12:00 (default: none).")
@click.option(
    "--limit",
    type=click.IntRange(0, MOST_PER_MINUTE),
    help="Requests a minute, 0 for any number (default: API_RATE_LIMIT_PER_MINUTE).",
)
def api_key_create(name: str, scopes: str | None, expires: str, limit: int | None) -> None:
    """Create a key for the service NAME.

    It is printed now and can't be shown again.
    """
    from services.accounts.api_keys import JSON_API, KeyTerms, create_key, read_expiry

    async def create(work: Work) -> str:
        terms = KeyTerms(
            scopes=JSON_API if scopes is None else [scope.strip() for scope in scopes.split(",")],
            expires_at=read_expiry(work, expires),
            requests_per_minute=limit,
        )
        return await create_key(work, name, terms)

    click.echo(with_work(create))


@api_key.command("list")
def api_key_list() -> None:
    """List all keys, newest first; times are the practices'."""
    from services.accounts.api_keys import list_keys

    async def lines(work: Work) -> list[tuple[str, ...]]:
        return [COLUMNS, *[_line(work, key) for key in await list_keys(work)]]

    found: list[tuple[str, ...]] = with_work(lines)
    widths = [max(len(line[column]) for line in found) for column in range(len(COLUMNS))]
    for line in found:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@api_key.command("revoke")
@click.argument("name")
def api_key_revoke(name: str) -> None:
    """Make the key of the service NAME useless, within 15 seconds and for good."""
    from services.accounts.api_keys import revoke_key_named

    with_work(lambda work: revoke_key_named(work, name))
    click.echo(f"The key {name} is revoked.")


def _line(work: Work, key: ApiKey) -> tuple[str, ...]:
    from services.accounts.api_keys import state_of

    def written(instant: datetime | None, otherwise: str) -> str:
        return f"{work.rules.local(instant):%Y-%m-%d %H:%M}" if instant else otherwise

    limit = get_config().api_rate_limit_per_minute
    per_minute = limit if key.requests_per_minute is None else key.requests_per_minute
    return (
        key.name,
        key.prefix,
        ",".join(key.scopes),
        str(per_minute or "none"),
        written(key.expires_at, "no end"),
        written(key.last_used_at, "never"),
        state_of(key, work.now).value.replace("_", " "),
    )
