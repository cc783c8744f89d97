"""`calldesk therapist` and `calldesk retention`: what is held about people, and that it goes."""

from dataclasses import asdict

import click
import msgspec

from shared.config import get_config
from webapp.commands.work import with_work


@click.group()
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


@click.command()
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
