"""The buttons of a page: each sends an `action`, which is done before the page is shown again."""

from collections.abc import Awaitable
from typing import Any, Protocol

from litestar import Response
from litestar.response import Redirect, Template

from services.errors import DomainError, NotFound
from webapp.screens.visit import Visit


class ShowPage(Protocol):
    """Shows a page, with what was done on it or why it was refused."""

    async def __call__(self, *, done: str = "", refused: DomainError | None = None) -> Template:
        """Return the page, or the part of it that HTMX is going to swap."""
        ...


async def answer_action(visit: Visit, action: str, doing: Awaitable[object], show: ShowPage) -> Response[Any]:
    """Do what a button says, and show its page again; without scripts the browser is led there.

    Raises:
        NotFound: the page has no such button, or what it shows is gone.
    """
    try:
        await doing
    except NotFound:
        raise
    except DomainError as error:
        return await show(refused=error)
    if visit.swapped is None:
        return Redirect(f"{visit.request.url.path}?done={action}", status_code=303)
    return await show(done=action)
