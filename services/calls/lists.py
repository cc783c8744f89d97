"""Lists of calls, earliest planned first."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import undefer

from services.calls.linked_emails import is_about
from services.models import CallStatus, PhoneCall
from services.pagination import Page, PageRequest, page_of
from services.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilters:
    """Which calls a list shows; dates are inclusive, an unset filter lets everything through."""

    therapist_id: int | None = None
    status: CallStatus | None = None
    email_id: int | None = None
    geplantes_datum: date | None = None
    geplantes_datum_von: date | None = None
    geplantes_datum_bis: date | None = None
    extern_id: str | None = None


async def list_calls(work: Work, filters: CallFilters, request: PageRequest) -> Page[PhoneCall]:
    """Return one page of the calls, earliest planned first."""
    matching = select(PhoneCall).where(*_conditions(filters))
    planned = (PhoneCall.geplantes_datum, PhoneCall.geplante_zeit, PhoneCall.id)
    async with work.transaction() as tx:
        total = await tx.session.scalar(select(func.count()).select_from(matching.subquery()))
        shown = request.cut(matching, PhoneCall.id, *planned).options(undefer(PhoneCall.email_ids))
        rows = await tx.session.scalars(shown.execution_options(populate_existing=True))
        return page_of(rows.all(), request, total or 0)


def _conditions(filters: CallFilters) -> list[ColumnElement[bool]]:
    wanted = {
        PhoneCall.therapist_id: filters.therapist_id,
        PhoneCall.status: filters.status,
        PhoneCall.geplantes_datum: filters.geplantes_datum,
        PhoneCall.extern_id: filters.extern_id,
    }
    conditions = [column == value for column, value in wanted.items() if value is not None]
    if filters.email_id is not None:
        conditions.append(is_about(filters.email_id))
    if filters.geplantes_datum_von is not None:
        conditions.append(PhoneCall.geplantes_datum >= filters.geplantes_datum_von)
    if filters.geplantes_datum_bis is not None:
        conditions.append(PhoneCall.geplantes_datum <= filters.geplantes_datum_bis)
    return conditions
