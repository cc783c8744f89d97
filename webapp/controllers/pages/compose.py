"""Writing an e-mail: whom to, from which template, how it will look; and changing a draft."""

from dataclasses import dataclass
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.plugins.htmx import ClientRedirect
from litestar.response import Redirect, Template

from services.drafts import NEW_EMAIL, discard_draft, load_draft, save_draft
from services.emails.changes import TIMES, EmailChanges, update_email
from services.emails.create import create_email, get_email, has_made_email
from services.emails.schedule import OVER_ALREADY, Expired
from services.emails.templates.engine import all_templates
from services.errors import Conflict, FieldError, IdempotencyConflict, InvalidInput, NotFound, StaleVersion
from services.models import Email, EmailStatus, Therapist
from services.rules import DeskRules
from services.therapists.search import get_therapist, search_therapists
from shared.config import Settings
from shared.direct_connection import DirectPool
from webapp.i18n import gettext
from webapp.screens.compose_form import VARIABLE, ComposeForm, preview
from webapp.screens.forms import (
    FormErrors,
    Submitted,
    asked_moment,
    form_errors,
    new_form_key,
    read_number,
    repeatable,
    typed_moment,
    words_of,
)
from webapp.screens.template_words import description_of, hint_of, label_of, title_of
from webapp.screens.visit import VISIT, Visit
from webapp.security import framed_mail

LONGEST_SEARCH = 100


@dataclass
class EditForm:
    """A draft's fields, as the form sends them."""

    version: str = ""
    action: str = ""
    empfaenger_name: str = ""
    empfaenger_email: str = ""
    betreff: str = ""
    body_text: str = ""
    send_at: str = ""
    antwort_an: str = ""
    expires_at: str = ""


class EmailComposeController(Controller):
    """Writing e-mails."""

    path = "/emails"
    include_in_schema = False
    dependencies = VISIT

    @get("/new")
    async def form(
        self,
        visit: NamedDependency[Visit],
        therapist: FromQuery[str] = "",
        template: FromQuery[str] = "",
        q: FromQuery[str] = "",
    ) -> Template:
        """Show the form for a therapist, as it was left; without one, who fits the search."""
        wanted = q.strip()[:LONGEST_SEARCH]
        if visit.swapped == "found":
            return Template("emails/found.html", context=await _found(visit, wanted, template))
        form, restored = await _opened(visit, read_number(therapist) or 0, template)
        return await _page(visit, form, q=wanted, restored=restored)

    @post("/new", status_code=200)
    async def write(
        self,
        visit: NamedDependency[Visit],
        data: Submitted[dict[str, Any]],
        config: NamedDependency[Settings],
        statements: NamedDependency[DirectPool],
    ) -> Response[Any]:
        """Save a draft or send; `preview` shows the form again with what the mail would look like."""
        form = ComposeForm.read(data)
        await _keep(visit, form)
        if form.action not in ("draft", "send"):
            return await _page(visit, form)
        status = EmailStatus.DRAFT if form.action == "draft" else EmailStatus.QUEUED
        try:
            email, _ = await create_email(
                statements,
                form.new_email(status),
                moment=visit.work,
                actor=visit.work.actor,
                sender=config.get_smtp_settings(),
                repeatable=repeatable(form.key, form.action, form.content()),
            )
        except InvalidInput as error:
            return await _page(visit, form, errors=_with_ids(error), status=422)
        except IdempotencyConflict as error:
            form.key = ""
            return await _page(visit, form, made=error.values["resource_id"], status=409)
        await discard_draft(visit.work, NEW_EMAIL, _draft_id(form))
        return _go(visit, f"/emails/{email.id}?done={'saved' if form.action == 'draft' else 'created'}")

    @post("/new/preview", status_code=200)
    async def show(self, visit: NamedDependency[Visit], data: Submitted[dict[str, Any]]) -> Template:
        """Keep what is typed, unless it was sent meanwhile, and show what the mail would look like."""
        form = ComposeForm.read(data)
        if not await has_made_email(visit.work, repeatable(form.key)):
            await _keep(visit, form)
        return Template("emails/compose_preview.html", context=_preview_context(visit, form))

    @get("/new/preview")
    async def frame(
        self, visit: NamedDependency[Visit], therapist: FromQuery[str] = "", template: FromQuery[str] = ""
    ) -> Response[str]:
        """Answer the mail as typed so far, for its frame."""
        form, _ = await _opened(visit, read_number(therapist) or 0, template)
        return framed_mail(preview(form).html)

    @post("/new/discard", status_code=303)
    async def discard(self, visit: NamedDependency[Visit], data: Submitted[dict[str, Any]]) -> Redirect:
        """Forget what was typed."""
        form = ComposeForm.read(data)
        await discard_draft(visit.work, NEW_EMAIL, _draft_id(form))
        chosen = f"?therapist={_draft_id(form)}" if _draft_id(form) else ""
        return Redirect(f"/emails/new{chosen}", status_code=303)

    @get("/{email_id:int}/edit")
    async def edit(self, visit: NamedDependency[Visit], email_id: FromPath[int]) -> Response[Any]:
        """Show a draft's fields."""
        email = await get_email(visit.work, email_id)
        if email.status is not EmailStatus.DRAFT:
            return Redirect(f"/emails/{email_id}", status_code=303)
        form = EditForm(
            version=str(email.version),
            empfaenger_name=email.empfaenger_name,
            empfaenger_email=email.empfaenger_email,
            betreff=email.betreff,
            body_text=email.body_text,
            send_at=typed_moment(email.send_at, visit.rules),
            antwort_an=email.antwort_an or "",
            expires_at=typed_moment(email.expires_at, visit.rules),
        )
        return _edit_page(visit, email_id, form)

    @post("/{email_id:int}/edit", status_code=200)
    async def change(
        self,
        visit: NamedDependency[Visit],
        email_id: FromPath[int],
        data: Submitted[EditForm],
        config: NamedDependency[Settings],
    ) -> Response[Any]:
        """Save a draft, and send it if asked to."""
        email = await get_email(visit.work, email_id)
        try:
            await update_email(
                visit.work,
                email_id,
                _changes(email, data, visit.rules),
                version=read_number(data.version),
                utf8=config.smtp_utf8,
            )
        except InvalidInput as error:
            return _edit_page(
                visit, email_id, data, form_errors(error.fields, {"absender_email": "edit-form"}), 422
            )
        except Expired:
            over = form_errors([FieldError("expires_at", OVER_ALREADY)])
            return _edit_page(visit, email_id, data, over, 409)
        except Conflict as error:
            data.version = str((await get_email(visit.work, email_id)).version)
            stale = gettext("This e-mail has changed since you opened it. What you typed is still here.")
            words = stale if isinstance(error, StaleVersion) else words_of(error)
            return _edit_page(visit, email_id, data, [("edit-form", words)], 409)
        done = "queue" if data.action == "send" else "saved"
        return _go(visit, f"/emails/{email_id}?done={done}")


async def _page(
    visit: Visit,
    form: ComposeForm,
    *,
    q: str = "",
    errors: FormErrors | None = None,
    restored: bool = False,
    made: int | None = None,
    status: int = 200,
) -> Template:
    """Show the form; `made` is the e-mail it has made already."""
    form.key = form.key or new_form_key()
    context = {
        "templates": all_templates(),
        "title_of": title_of,
        "description_of": description_of,
        "label_of": label_of,
        "hint_of": hint_of,
        "errors": errors or [],
        "restored": restored,
        "made": made,
        "VARIABLE": VARIABLE,
        **await _found(visit, q, form.template),
        **_preview_context(visit, form),
    }
    whole = "emails/new.html" if visit.swapped is None else "emails/compose.html"
    return Template(whole, context=context, status_code=status)


async def _opened(visit: Visit, therapist_id: int, template: str) -> tuple[ComposeForm, bool]:
    """Return the form for a therapist as it was left, else new, and whether it was left; `template` wins."""
    kept = await load_draft(visit.work, NEW_EMAIL, therapist_id)
    form = ComposeForm.read(kept) if kept else ComposeForm.to(await _therapist(visit, therapist_id))
    form.template = template or form.template
    if form.mail_template is None:
        form.template = ""
    return form, kept is not None


async def _keep(visit: Visit, form: ComposeForm) -> None:
    await save_draft(visit.work, NEW_EMAIL, _draft_id(form), form.to_draft())


async def _found(visit: Visit, q: str, template: str) -> dict[str, Any]:
    people = await search_therapists(visit.work, q, limit=10) if q else []
    return {"q": q, "people": people, "template_name": template}


async def _therapist(visit: Visit, therapist_id: int) -> Therapist | None:
    try:
        return await get_therapist(visit.work, therapist_id)
    except NotFound:
        return None


def _preview_context(visit: Visit, form: ComposeForm) -> dict[str, Any]:
    return {
        "form": form,
        "preview": preview(form),
        "preview_key": new_form_key()[:8],
        "draft_id": _draft_id(form),
        "now": visit.now,
    }


def _draft_id(form: ComposeForm) -> int:
    return read_number(form.therapist_id) or 0


def _with_ids(error: InvalidInput) -> FormErrors:
    prefix = "template_data."
    return form_errors(
        FieldError(
            VARIABLE + found.field.removeprefix(prefix) if found.field.startswith(prefix) else found.field,
            found.message,
            found.values,
        )
        for found in error.fields
    )


def _go(visit: Visit, path: str) -> Response[Any]:
    return Redirect(path, status_code=303) if visit.swapped is None else ClientRedirect(redirect_to=path)


def _changes(email: Email, form: EditForm, rules: DeskRules) -> EmailChanges:
    """Return what differs from the draft; its HTML is made anew only where its text was changed.

    Raises:
        InvalidInput: from when or until when it is to be sent can't be read.
    """
    given: dict[str, Any] = {
        name: value
        for name in ("empfaenger_name", "empfaenger_email", "betreff", "body_text")
        if (value := getattr(form, name).replace("\r\n", "\n")) != getattr(email, name).replace("\r\n", "\n")
    }
    if form.antwort_an.strip() != (email.antwort_an or ""):
        given["antwort_an"] = form.antwort_an.strip() or None
    for name in TIMES:
        if (typed := getattr(form, name)) != typed_moment(getattr(email, name), rules):
            given[name] = asked_moment(name, typed)
    if form.action == "send":
        given["status"] = EmailStatus.QUEUED
    return EmailChanges(**given)


def _edit_page(
    visit: Visit, email_id: int, form: EditForm, errors: FormErrors | None = None, status: int = 200
) -> Template:
    whole = "emails/edit.html" if visit.swapped is None else "emails/edit_form.html"
    return Template(
        whole, context={"email_id": email_id, "form": form, "errors": errors or []}, status_code=status
    )
