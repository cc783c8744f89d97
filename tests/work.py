"""Units of work as tests need them: by the system, at the test's usual instant, unless said otherwise."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.rules import DeskRules
from services.work import SYSTEM, Actor, Moment, Transaction, Work, Workplace
from shared.clock import Clock
from shared.config.settings import load_settings
from shared.database import SessionFactory
from tests.factories import NOW

RULES = DeskRules.from_settings(
    load_settings(env_file=None, app_env="testing", database_url="postgresql://x")
)


def a_moment(*, now: datetime = NOW, rules: DeskRules = RULES) -> Moment:
    return Moment(now=now, rules=rules)


def work_of(
    session: AsyncSession,
    *,
    now: datetime | None = None,
    actor: Actor = SYSTEM,
    rules: DeskRules = RULES,
    clock: Clock | None = None,
) -> Work:
    """By a clock that stands still where only an instant is given."""
    began = now or (clock() if clock else NOW)
    return Work(now=began, rules=rules, session=session, clock=clock or (lambda: began), actor=actor)


def tx_of(
    session: AsyncSession,
    *,
    now: datetime = NOW,
    actor: Actor = SYSTEM,
    rules: DeskRules = RULES,
) -> Transaction:
    """For whoever has begun the session's transaction."""
    return Transaction(now=now, rules=rules, session=session, clock=lambda: now, actor=actor)


def workplace_of(sessions: SessionFactory, clock: Clock, rules: DeskRules = RULES) -> Workplace:
    return Workplace(sessions=sessions, clock=clock, rules=rules)
