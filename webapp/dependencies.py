"""What handlers may ask for by name, besides the session that advanced-alchemy's plugin provides."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from sqlalchemy.ext.asyncio import AsyncSession

from services.rules import DeskRules
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


def provide_clock(state: State) -> Clock:
    """The source of the current instant."""
    return state.clock


def provide_rules(state: State) -> DeskRules:
    """The desk's rules."""
    return state.rules


def provide_config(state: State) -> Settings:
    """This process's settings."""
    return state.config


def provide_directory(state: State) -> TherapistDirectory:
    """The directory of therapists."""
    return state.directory


def provide_work(
    request: ASGIConnection[Any, Any, Actor | None, Any],
    session: NamedDependency[AsyncSession],
    clock: NamedDependency[Clock],
    rules: NamedDependency[DeskRules],
) -> Work:
    """The unit of work of this request; open pages are told which of them it came from."""
    set_origin(session, page_of(request))
    return Work(now=clock(), rules=rules, session=session, clock=clock, actor=request.auth or SYSTEM)


DEPENDENCIES = {
    "statements": Provide(provide_statements, sync_to_thread=False),
    "clock": Provide(provide_clock, sync_to_thread=False),
    "rules": Provide(provide_rules, sync_to_thread=False),
    "config": Provide(provide_config, sync_to_thread=False),
    "directory": Provide(provide_directory, sync_to_thread=False),
    "work": Provide(provide_work, sync_to_thread=False),
}
