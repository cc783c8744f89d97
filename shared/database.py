"""Engine and sessions over PostgreSQL."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy import AdaptedConnection, event
from sqlalchemy import Connection as SyncConnection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session

from shared.config import Settings
from shared.notifications import Notifier, hint_of
from shared.postgresql import (
    CONNECT_SECONDS,
    LOCK_SECONDS,
    Connection,
    connect,
    for_this_transaction,
    is_pooled,
)

SessionFactory = async_sessionmaker[AsyncSession]

SESSION = {
    "timezone": "UTC",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": "60s",
    # A plan made without the values would not use the indexes over open calls or waiting e-mails.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
}


NONE_PREPARED: dict[str, object] = {
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": str,
}
"""Every statement is the unnamed one, which is gone with the transaction; names would meet in one session."""


def create_engine(config: Settings, *, application_name: str) -> AsyncEngine:
    """Return an engine whose connects, statements and waits for a pooled connection are all bounded.

    Args:
        config: says where the database is.
        application_name: shown in `pg_stat_activity`.
    """
    url = config.get_database_url()
    statements = NONE_PREPARED if is_pooled(url) else {}

    async def new_connection() -> Connection:
        return await connect(url, application_name=application_name, settings=SESSION)

    def new_pooled() -> DBAPIConnection:
        assert engine.dialect.dbapi is not None
        return engine.dialect.dbapi.connect(async_creator_fn=new_connection, **statements)

    engine = create_async_engine(
        url.set(query={}),
        creator=new_pooled,
        pool_size=config.db_pool_size,
        max_overflow=0,
        hide_parameters=True,  # what they hold must not get into logs with an error
        pool_timeout=CONNECT_SECONDS,
        pool_recycle=1800,
    )
    event.listen(engine.sync_engine, "checkout", _replace_if_closed)
    if is_pooled(url):
        event.listen(engine.sync_engine, "begin", _set_up_transaction)
    return engine


def _replace_if_closed(connection: AdaptedConnection, *_: object) -> None:
    """Have the pool replace a connection the server has closed, as when it restarts.

    asyncpg has seen that already, so unlike `pool_pre_ping` this asks nobody.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _set_up_transaction(connection: SyncConnection) -> None:
    """Say in a session that was somebody else's a moment ago what it is to be like."""
    connection.exec_driver_sql(for_this_transaction(SESSION))


def create_session_factory(engine: AsyncEngine, notifier: Notifier | None = None) -> SessionFactory:
    """Return a factory of sessions; `wake` on one of them reaches `notifier` when it commits."""
    return async_sessionmaker(engine, expire_on_commit=False, info={"notifier": notifier})


def wake(session: AsyncSession, subject: str) -> None:
    """Ask that whoever listens for `subject` is woken once the running transaction has committed."""
    session.info.setdefault("wake", set()).add(subject)


def set_origin(session: AsyncSession, origin: str) -> None:
    """Have what `wake` asks for on this session say where it comes from."""
    session.info["origin"] = origin


@event.listens_for(Session, "after_commit")
def _send_wakes(session: Session) -> None:
    if session.in_nested_transaction():
        return
    subjects: set[str] = session.info.pop("wake", set())
    notifier: Notifier | None = session.info.get("notifier")
    if notifier is not None:
        origin: str = session.info.get("origin", "")
        notifier.send(hint_of(subject, origin) for subject in subjects)


@event.listens_for(Session, "after_rollback")
def _forget_wakes(session: Session) -> None:
    session.info.pop("wake", None)


@asynccontextmanager
async def transaction(sessions: SessionFactory) -> AsyncGenerator[AsyncSession]:
    """Open a session and one transaction around the block: committed at its end, rolled back on any error."""
    async with sessions() as session, session.begin():
        yield session
