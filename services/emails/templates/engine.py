"""The mails this service ships, rendered: HTML with its styles inlined, a text version, a subject.

A template is a folder under `mails`: `mail.toml` says what it is for, its subject and its variables;
`body.html` is the mail. Templates run in Jinja2's sandbox: they see the checked data and nothing else, no
globals, a handful of filters, only each other's files; whatever they print of the data is escaped.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from babel.dates import format_date
from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.checks import LONGEST_LINE, TOO_LARGE, check_line
from services.emails.html_text import text_from_html
from services.emails.templates.variables import Variable, VariableKind, check_data, values
from services.errors import FieldError, InvalidInput, NotFound

MAILS = Path(__file__).parent / "mails"
FILTERS = ("e", "escape", "join", "length", "lower", "trim", "upper")

LARGEST_LETTER_BYTES = 128 * 1024
"""Fifty pages of text; a letter is rendered while others wait, so it may not take long."""

UNKNOWN_TEMPLATE = "There is no such template."


class NoSuchTemplate(NotFound):
    """There is no such template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTemplate:
    """What a template is for and what it needs; `betreff` is Jinja2 as well."""

    name: str
    title: str
    description: str
    betreff: str
    variables: tuple[Variable, ...]

    @property
    def sample(self) -> dict[str, Any]:
        """Data to try the template with."""
        return {variable.name: variable.sample for variable in self.variables}


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A mail ready to be stored."""

    betreff: str
    body_html: str
    body_text: str


@lru_cache(maxsize=1)
def all_templates() -> dict[str, MailTemplate]:
    """Return the shipped templates by name."""
    return {path.parent.name: _read(path) for path in sorted(MAILS.glob("*/mail.toml"))}


def get_template(name: str) -> MailTemplate:
    """Return a template.

    Raises:
        NoSuchTemplate: there is none of this name.
    """
    template = all_templates().get(name)
    if template is None:
        raise NoSuchTemplate
    return template


def check_template(name: str, data: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with a template's name or its data."""
    template = all_templates().get(name)
    if template is None:
        return [FieldError("template", UNKNOWN_TEMPLATE)]
    return check_data(template.variables, data)


def render_template(name: str, data: Mapping[str, Any], *, betreff: str | None = None) -> RenderedMail:
    """Render a template; a given `betreff` takes the place of the template's own.

    Raises:
        NoSuchTemplate: there is none of this name.
        InvalidInput: names `betreff` and each missing, unknown or wrong variable as `template_data.<name>`.
    """
    template = get_template(name)
    errors = check_data(template.variables, data)
    if betreff is not None:
        errors += check_line("betreff", betreff)
    if errors:
        raise InvalidInput(*errors)
    context = values(template.variables, data)
    subject = betreff if betreff is not None else _subject(template, context)
    html = render_limited(environment(), f"{name}/body.html", {**context, "betreff": subject})
    return RenderedMail(subject, _fitting(_inliner().inline(html)), _fitting(text_from_html(html)))


def render_limited(jinja: Environment, name: str, context: Mapping[str, Any]) -> str:
    """Render a template file and stop where it grows beyond the largest letter.

    Raises:
        InvalidInput: it does.
    """
    parts: list[str] = []
    size = 0
    for part in jinja.get_template(name).generate(**context):
        size += len(part.encode())
        if size > LARGEST_LETTER_BYTES:
            raise _too_large()
        parts.append(part)
    return "".join(parts)


def _fitting(body: str) -> str:
    """Return a body made of what was rendered.

    Raises:
        InvalidInput: it is larger than a letter may be.
    """
    if len(body.encode()) > LARGEST_LETTER_BYTES:
        raise _too_large()
    return body


def _too_large() -> InvalidInput:
    return InvalidInput(FieldError("template_data", TOO_LARGE, (("limit", LARGEST_LETTER_BYTES),)))


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the sandbox templates run in; compiled templates stay in its cache."""
    jinja = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(MAILS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters = cast("dict[str, Any]", jinja.filters)  # pyright: ignore[reportUnknownMemberType]
    jinja.filters = {name: filters[name] for name in FILTERS} | {"datum": _german_date}
    jinja.globals = {}
    return jinja


@lru_cache(maxsize=1)
def plain_text_environment() -> Environment:
    """Return the same sandbox for text in which nothing is escaped."""
    return environment().overlay(autoescape=False)


def _subject(template: MailTemplate, context: Mapping[str, Any]) -> str:
    """Render the subject: plain text, so nothing is escaped, but it must be one line."""
    rendered = plain_text_environment().from_string(template.betreff).render(context)
    subject = " ".join(rendered.split())[:LONGEST_LINE]
    errors = check_line("betreff", subject)
    if errors:
        raise InvalidInput(*errors)
    return subject


@lru_cache(maxsize=1)
def _inliner() -> CSSInliner:
    return CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


def _german_date(value: date) -> str:
    return format_date(value, "d. MMMM y", locale="de")


def _read(path: Path) -> MailTemplate:
    declared = tomllib.loads(path.read_text(encoding="utf-8"))
    return MailTemplate(
        name=path.parent.name,
        title=declared["titel"],
        description=declared["beschreibung"],
        betreff=declared["betreff"],
        variables=tuple(_variable(name, v) for name, v in declared["variablen"].items()),
    )


def _variable(name: str, declared: dict[str, Any]) -> Variable:
    return Variable(
        name=name,
        kind=VariableKind(declared["art"]),
        description=declared["beschreibung"],
        sample=declared["beispiel"],
        required=declared.get("pflicht", False),
        default=declared.get("vorgabe"),
        least=declared.get("mindestens", 1),
        longest=declared.get("zeichen", LONGEST_LINE),
    )
