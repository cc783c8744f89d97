"""Whose page a request comes from: nothing is done in the name of who logs in over another's page."""

from collections.abc import Mapping

from services.errors import DomainError
from services.models import Staff

HEADER = "x-staff"
"""Carries the id of who an open page was made for (`views/layout.html`)."""


class OthersPage(DomainError):
    """You are now logged in as %(name)s. This page belongs to somebody else, so nothing was done."""


def refuse_others_page(headers: Mapping[str, str], member: Staff | None) -> None:
    """Refuse what a page asks that was made for somebody else.

    Raises:
        OthersPage: it was.
    """
    if member is not None and not is_page_of(headers, member.id):
        raise OthersPage(name=member.name)


def is_page_of(headers: Mapping[str, str], staff_id: int) -> bool:
    """Whether a request comes from somebody's own page, or says nothing of its page."""
    return headers.get(HEADER, str(staff_id)) == str(staff_id)
