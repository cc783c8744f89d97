"""The unit of work: who does something, when, by which rules, and in which transaction.

A use case takes a `Work` and opens its transaction; a function that takes a `Transaction` runs in its
caller's. (Unit of Work: Fowler, Patterns of Enterprise Application Architecture.)
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal, Self, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.errors import NotFound, StaleVersion
from services.events.types import EventType, event_of
from services.hints import OUTBOX
from services.models import (
    Activity,
    ApiKey,
    Base,
    CallGuide,
    Email,
    Incoming,
    MailQueueState,
    OutboxEvent,
    PhoneCall,
    ShiftNote,
    Staff,
    StopEntry,
    Therapist,
)
from services.origins import NOWHERE, Origin
from services.rules import DeskRules
from shared.clock import Clock
from shared.database import SessionFactory, wake
from shared.plain_rows import PlainQuery, keeping_plans

Row = TypeVar("Row", bound=Base)


class Action(StrEnum):
    """What somebody did, as the activity log has it."""

    EMAIL_CREATED = "email_created"
    EMAIL_CHANGED = "email_changed"
    EMAIL_QUEUED = "email_queued"
    EMAIL_CANCELED = "email_canceled"
    EMAIL_RETRIED = "email_retried"
    EMAIL_RESENT = "email_resend"
    EMAIL_WAS_SENT = "email_was_sent"
    EMAIL_DOUBTED = "email_doubted"
    REPLY_RECORDED = "reply_recorded"
    FOLLOW_UP_OBSTACLE = "follow_up_obstacle"
    CALL_SCHEDULED = "call_scheduled"
    CALL_MOVED = "call_moved"
    CALL_CHANGED = "call_changed"
    CALL_CANCELED = "call_canceled"
    CALL_SETTLED = "call_settled"
    CALL_RESTORED = "call_restored"
    OUTCOME_RECORDED = "outcome_recorded"
    OUTCOME_UNDONE = "outcome_undone"
    OUTCOME_CORRECTED = "outcome_corrected"
    DO_NOT_CALL_SET = "do_not_call_set"
    DO_NOT_CALL_LIFTED = "do_not_call_lifted"
    CALL_HINT_SET = "call_hint_set"
    ABSENCE_SET = "absence_set"
    ABSENCE_LIFTED = "absence_lifted"
    PHONE_CORRECTED = "phone_corrected"
    PHONE_CORRECTION_LIFTED = "phone_correction_lifted"
    CALL_GUIDE_CHANGED = "call_guide_changed"
    STAFF_ADDED = "staff_added"
    STAFF_OPENED = "staff_opened"
    STAFF_CLOSED = "staff_closed"
    STAFF_UNLOCKED = "staff_unlocked"
    ROLE_CHANGED = "role_changed"
    PASSWORD_RESET = "password_reset"  # noqa: S105
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    SECOND_FACTOR_SET = "second_factor_set"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    LOGGED_IN = "logged_in"
    LOGIN_FAILED = "login_failed"
    SESSIONS_ENDED = "sessions_ended"
    API_KEY_CREATED = "api_key_created"
    API_KEY_REVOKED = "api_key_revoked"
    API_KEY_REFUSED = "api_key_refused"
    EVENT_RETRIED = "event_retried"
    QUEUE_HELD = "queue_held"
    QUEUE_RELEASED = "queue_released"
    INCOMING_MATCHED = "incoming_matched"
    INCOMING_CORRECTED = "incoming_corrected"
    INCOMING_ASIDE = "incoming_aside"
    INCOMING_UNDONE = "incoming_undone"
    ADDRESS_STOPPED = "address_stopped"
    ADDRESS_RELEASED = "address_released"
    THERAPIST_EXPORTED = "therapist_exported"
    THERAPIST_ERASED = "therapist_erased"
    LIST_EXPORTED = "list_exported"
    SHIFT_NOTE_LEFT = "shift_note_left"
    SHIFT_NOTE_TAKEN_DOWN = "shift_note_taken_down"


OBJECTS: dict[type[Base], str] = {
    Email: "email",
    PhoneCall: "call",
    Therapist: "therapist",
    Staff: "staff",
    ApiKey: "api_key",
    OutboxEvent: "event",
    MailQueueState: "queue",
    Incoming: "incoming",
    StopEntry: "stop_entry",
    ShiftNote: "shift_note",
    CallGuide: "call_guide",
}
"""What the activity log calls the rows of a table."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who carries out a use case, and by which request; `key_id` is the API key a service has shown."""

    kind: Literal["staff", "api", "system"]
    staff_id: int | None = None
    key_id: int | None = None
    origin: Origin = NOWHERE


SYSTEM = Actor("system")
API = Actor("api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """An instant as the desk sees it: by its rules, in its time zone."""

    now: datetime
    rules: DeskRules

    @property
    def today(self) -> date:
        """The practices' date."""
        return self.rules.today(self.now)

    @property
    def local(self) -> datetime:
        """The practices' wall clock, still aware."""
        return self.rules.local(self.now)

    def at(self, instant: datetime) -> Self:
        """Return the same at another instant."""
        return replace(self, now=instant)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doing(Moment):
    """What `Work` and `Transaction` have in common."""

    session: AsyncSession
    clock: Clock
    actor: Actor

    @property
    def staff_id(self) -> int:
        """The id of the member of staff who does this; only for what staff alone can do."""
        assert self.actor.staff_id is not None
        return self.actor.staff_id

    def by(self, actor: Actor) -> Self:
        """Return the same done by somebody else."""
        return replace(self, actor=actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(_Doing):
    """A use case's surroundings; `now` is when it began, `clock` is for who had to wait since."""

    @asynccontextmanager
    async def transaction(self) -> "AsyncGenerator[Transaction]":
        """Open a transaction around the block: committed at its end, rolled back on any error."""
        async with self.session.begin():
            yield Transaction(
                now=self.now, rules=self.rules, session=self.session, clock=self.clock, actor=self.actor
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction(_Doing):
    """A running transaction and who does what in it, when, by which rules.

    Attributes:
        held_until: no event reported in it goes out before.
        held: the events reported since `holding_back`.
    """

    held_until: datetime | None = None
    held: list[OutboxEvent] = field(default_factory=list[OutboxEvent])

    def holding_back(self, until: datetime) -> Self:
        """Return the same, whose events go out at an instant and can be taken back until then."""
        return replace(self, held_until=until, held=[])

    async def existing(self, model: type[Row], row_id: int, *, missing: type[NotFound] = NotFound) -> Row:
        """Return a row as the database has it now.

        Raises:
            NotFound: there is none, as `missing` says.
        """
        return _found(await self.session.scalar(_one(model, row_id)), missing)

    async def locked(
        self,
        model: type[Row],
        row_id: int,
        *,
        version: int | None = None,
        key_share: bool = False,
        missing: type[NotFound] = NotFound,
    ) -> Row:
        """Return a row, locked. With `key_share`, inserting a row that refers to it does not wait.

        Raises:
            NotFound: there is none, as `missing` says.
            StaleVersion: it has changed since `version`; carries the last change's `action`, `at`, `actor`,
                `staff_id` and `staff_name`.
        """
        query = _one(model, row_id).with_for_update(key_share=key_share)
        row = _found(await self.session.scalar(query), missing)
        if version is not None and version != getattr(row, "version"):  # noqa: B009
            raise await self.stale(model, row_id)
        return row

    async def rows(self, query: PlainQuery, **values: object) -> list[Any]:
        """Return the rows of a query that is asked for with every page."""
        return await query.rows(self.session, **values)

    async def run(self, statement: PlainQuery, **values: object) -> list[Any]:
        """Return the rows of one that locks or writes as a part of this transaction."""
        return await statement.run(self.session, **values)

    async def write_alone(self, statement: PlainQuery, **values: object) -> None:
        """Write by one statement, the only one of the transaction that writes: it is committed at once."""
        await statement.rows(self.session, **values)

    def keeping_plans(self) -> AbstractAsyncContextManager[None]:
        """Let the plans of such queries be kept, where nothing else is asked meanwhile."""
        return keeping_plans(self.session)

    def record(self, action: Action, row: Base, **details: object) -> None:
        """Note what was done to a row: ids, kinds and times, never content, names or addresses."""
        self.record_id(action, type(row), getattr(row, "id"), **details)  # noqa: B009

    def record_id(self, action: Action, model: type[Base], row_id: int, **details: object) -> None:
        """Note what was done to a row that is not at hand."""
        self.session.add(
            Activity(
                at=self.now,
                staff_id=self.actor.staff_id,
                actor=self.actor.kind,
                api_key_id=self.actor.key_id,
                action=action.value,
                object_type=OBJECTS[model],
                object_id=row_id,
                details=details,
            )
        )

    def report(
        self, happened: EventType, row: Email | PhoneCall | Therapist, *, available_at: datetime | None = None
    ) -> OutboxEvent:
        """Report a change of a flushed row to other services.

        It is not published before `available_at`; until then `services.events.report.retract` takes it back.
        The flush before is what keeps order: it holds the row's lock while the event takes its number.
        """
        event = event_of(happened, row, at=self.now, available_at=available_at or self.held_until)
        self.session.add(event)
        self.held.append(event)
        self.wake(OUTBOX)
        return event

    def wake(self, *subjects: str) -> None:
        """Have whoever listens for these subjects woken after the commit."""
        for subject in subjects:
            wake(self.session, subject)

    async def stale(self, model: type[Base], row_id: int) -> StaleVersion:
        """Return the error that says what was last done to a row, and by whom."""
        last = (
            await self.session.execute(
                select(Activity.action, Activity.at, Activity.actor, Activity.staff_id, Staff.name)
                .outerjoin(Staff, Staff.id == Activity.staff_id)
                .where(Activity.object_type == OBJECTS[model], Activity.object_id == row_id)
                .order_by(Activity.id.desc())
                .limit(1)
            )
        ).first()
        if last is None:
            return StaleVersion()
        return StaleVersion(
            action=last.action, at=last.at, actor=last.actor, staff_id=last.staff_id, staff_name=last.name
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where loops and commands get their `Work`: a database, a clock, the rules."""

    sessions: SessionFactory
    clock: Clock
    rules: DeskRules

    def moment(self) -> Moment:
        """Return this instant."""
        return Moment(now=self.clock(), rules=self.rules)

    @asynccontextmanager
    async def work(self, actor: Actor = SYSTEM) -> AsyncGenerator[Work]:
        """Return a unit of work that begins now, over a session of its own."""
        async with self.sessions() as session:
            yield Work(now=self.clock(), rules=self.rules, session=session, clock=self.clock, actor=actor)


def _one(model: type[Row], row_id: int) -> Select[Row]:
    return select(model).where(model.__table__.c.id == row_id).execution_options(populate_existing=True)


def _found(row: Row | None, missing: type[NotFound]) -> Row:
    if row is None:
        raise missing
    return row
