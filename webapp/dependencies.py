"""What handlers may ask for by name, besides the session that advanced-alchemy's plugin provides."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from sqlalchemy.ext.asyncio import AsyncSession

from services.therapists.directory import TherapistDirectory
from services.work import SYSTEM, Actor, Work
from shared.clock import Clock
from shared.config import Settings
from shared.database import set_origin
from shared.direct_connection import DirectPool
from webapp.open_page import page_of


def provide_statements(state: State) -> DirectPool:
    """Connections for single statements that run often."""
    return state.statements


def provide_config(state: State) -> Settings:
    """This process's settings."""
    return state.config


def provide_directory(state: State) -> TherapistDirectory:
    """The directory of therapists."""
    return state.directory


def provide_work(
    request: ASGIConnection[Any, Any, Actor | None, Any], session: NamedDependency[AsyncSession], state: State
) -> Work:
    """The unit of work of this request; open pages are told which of them it came from.

    It asks for one dependency only: Litestar opens a group of tasks for several.
    """
    set_origin(session, page_of(request))
    clock: Clock = state.clock
    actor = request.auth or SYSTEM
    return Work(now=clock(), rules=state.rules, session=session, clock=clock, actor=actor)


DEPENDENCIES = {
    "statements": Provide(provide_statements, sync_to_thread=False),
    "config": Provide(provide_config, sync_to_thread=False),
    "directory": Provide(provide_directory, sync_to_thread=False),
    "work": Provide(provide_work, sync_to_thread=False),
}
