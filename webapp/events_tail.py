"""Printing events as they arrive, for `calldesk events tail`."""

import click
import msgspec

from services.events.types import TOPIC
from shared.config import Settings
from shared.kafka.consumer import EventConsumer, ReceivedEvent


async def tail(config: Settings, *, from_beginning: bool) -> None:
    """Print events until cancelled."""
    async with EventConsumer(TOPIC, config=config, from_beginning=from_beginning) as events:
        async for received in events:
            click.echo(_line_of(received))


def _line_of(received: ReceivedEvent) -> str:
    """Return an event with its key as one line of JSON."""
    return msgspec.json.encode({"key": received.key, **msgspec.to_builtins(received.event)}).decode()
