"""What staff see when something is refused: a page, or a fragment for the status line."""

from urllib.parse import quote

from litestar.exceptions import HTTPException, NotAuthorizedException, ValidationException
from litestar.response import Redirect, Template

from services.accounts.duties import Duty
from services.errors import DomainError, InvalidInput
from webapp.auth import DutyFirst
from webapp.controllers.pages.login import other_person
from webapp.errors import AnyRequest, AnyResponse, Headers
from webapp.i18n import gettext
from webapp.whose_page import OthersPage

DUTY_PAGES = {Duty.PASSWORD: "/account/password", Duty.SECOND_FACTOR: "/account/second-factor"}


class Refusals:
    """Refusals as people read them, in their language."""

    def refused(self, request: AnyRequest, error: DomainError, status: int, headers: Headers) -> AnyResponse:
        """Say what the domain refuses, and what is wrong with which value; offer a page of one's own."""
        if isinstance(error, OthersPage) and "hx-request" in request.headers:
            return other_person(request, error.values["name"], status)
        if isinstance(error, DutyFirst):
            return _duty_first(request, error.duty, status)
        fields = error.fields if isinstance(error, InvalidInput) else ()
        message = " ".join(
            [gettext(error.message_id) % error.values]
            + [gettext(field.message) % dict(field.values) for field in fields]
        )
        return _page(request, status, message, headers)

    def malformed(self, request: AnyRequest, error: ValidationException) -> AnyResponse:
        """Say what a form or an address lacks; forms of ours don't get here."""
        extra = error.extra if isinstance(error.extra, list) else []
        problems = [f"{entry.get('key', 'body')}: {entry.get('message', '')}" for entry in extra]
        return _page(request, 422, "; ".join(problems) or error.detail)

    def http_error(self, request: AnyRequest, error: HTTPException) -> AnyResponse:
        """Ask to log in where that is what is missing."""
        if isinstance(error, NotAuthorizedException):
            return _log_in_first(request)
        return _page(request, error.status_code, _plain_words(error.status_code), error.headers)

    def unreachable(self, request: AnyRequest, headers: Headers) -> AnyResponse:
        """Say so; after a form, that it may have been saved."""
        uncertain = gettext(
            "The database gave no answer. Look whether this was saved before you send it again."
        )
        return _page(request, 503, _plain_words(503) if request.method == "GET" else uncertain, headers)

    def broken(self, request: AnyRequest) -> AnyResponse:
        """Say no more than that it is our fault."""
        return _page(request, 500, _plain_words(500))


def _duty_first(request: AnyRequest, duty: Duty, status: int) -> AnyResponse:
    """Lead a browser to what has to be done first; on an open page, offer to do it in another tab."""
    where = DUTY_PAGES[duty]
    if "hx-request" in request.headers:
        return Template(
            "account/duty_dialog.html",
            context={"duty": duty.value, "where": where},
            status_code=status,
            headers={"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"},
        )
    here = quote(_asked_for(request)) if request.method == "GET" else "/"
    return Redirect(f"{where}?next={here}", status_code=303)


def _asked_for(request: AnyRequest) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _log_in_first(request: AnyRequest) -> AnyResponse:
    """Send a browser to the login page, saying so if it sent a form; offer a fragment the login dialog."""
    if "hx-request" in request.headers:
        return Template(
            "login/dialog.html",
            status_code=401,
            headers={"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"},
        )
    if request.method != "GET":
        return Redirect("/login?unsaved=true", status_code=303)
    return Redirect(f"/login?next={quote(_asked_for(request))}", status_code=303)


def _page(request: AnyRequest, status: int, message: str, headers: Headers | None = None) -> AnyResponse:
    if "hx-request" in request.headers:
        return Template(
            "partials/refused.html",
            context={"message": message},
            status_code=status,
            headers={**(headers or {}), "HX-Retarget": "#status", "HX-Reswap": "beforeend"},
        )
    return Template(
        "error.html",
        context={"status": status, "message": message},
        status_code=status,
        headers=dict(headers or {}),
    )


def _plain_words(status: int) -> str:
    words = {
        403: gettext("You may not do this, or the form was too old. Go back, reload the page and try again."),
        404: gettext("There is nothing at this address."),
        405: gettext("This address can't do that."),
        413: gettext("That was too large."),
        503: gettext("The database can't be reached right now. Try again in a moment."),
    }
    return words.get(status, gettext("Something went wrong on our side. Nothing was saved."))
