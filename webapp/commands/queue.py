"""`calldesk queue`: hold all e-mails back, let them go again."""

import click

from webapp.commands.refusal import fail
from webapp.commands.work import with_work


@click.group()
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
        fail("the queue is not held")
    click.echo("The queue is released.")
