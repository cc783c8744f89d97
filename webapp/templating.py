"""The Jinja2 environment of the screens."""

from collections.abc import MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar.plugins.jinja import JinjaTemplateEngine
from markupsafe import Markup

from services.calls.countdown import ANNOUNCED_AT, FEW_MINUTES
from services.therapists.phone_numbers import dialable, says_more
from shared.version import VERSION
from webapp import i18n
from webapp.compiled_templates import CompiledTemplates
from webapp.csrf import token_for_forms
from webapp.prefix import PrefixedTemplate
from webapp.screens.rows import RowWriter, Written
from webapp.static_files import script_modules, static_url

VIEWS = Path(__file__).parent / "views"

EMBEDDINGS, ISOLATES = "\u202a\u202b\u202d\u202e", "\u2066\u2067\u2068"
END_OF_EMBEDDING, END_OF_ISOLATE = "\u202c", "\u2069"
TURNS = (*EMBEDDINGS, *ISOLATES)


def translate(message: str, /, **variables: object) -> Markup:
    """Return a text in the reader's language, the variables escaped: Jinja2's own `_`, many times faster."""
    if not variables:
        return _unchanging(message, i18n.language.get())
    return Markup(i18n.gettext(message)) % {name: closed(value) for name, value in variables.items()}  # noqa: S704


def translate_number(one: str, many: str, num: int, /, **variables: object) -> Markup:
    """Return the form of a text that fits a number, which it names `num`: Jinja2's `ngettext`, likewise."""
    text = Markup(i18n.ngettext(one, many, num))  # noqa: S704
    return text % {"num": num, **{name: closed(value) for name, value in variables.items()}}


@lru_cache(maxsize=4_096)
def _unchanging(message: str, code: str) -> Markup:
    return Markup(i18n.catalog(code).gettext(message)) % {}  # noqa: S704


def closed(value: object) -> object:
    """Return a text so that what changes its direction ends with it (Unicode Bidirectional Algorithm, X1-X8).

    Else a sign such as U+202E in a name would turn around whatever stands behind it on the page.
    """
    if not isinstance(value, str) or isinstance(value, Written) or value.isascii():
        return value
    if not any(sign in value for sign in TURNS):
        return value
    ends: list[str] = []
    for sign in value:
        if sign in EMBEDDINGS:
            ends.append(END_OF_EMBEDDING)
        elif sign in ISOLATES:
            ends.append(END_OF_ISOLATE)
        elif sign == END_OF_EMBEDDING and ends[-1:] == [sign]:
            ends.pop()
        elif sign == END_OF_ISOLATE and sign in ends:
            while ends.pop() != sign:
                pass
    return value + "".join(reversed(ends))


class SharedGlobals(Environment):
    """An environment whose templates share its globals as they are: each import compares their names."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the globals of a template; laid over the environment's only where it has any of its own."""
        return super().make_globals(d) if d else self.globals


def create_template_engine(root_path: str) -> JinjaTemplateEngine:
    """Return the engine with translations, filters and globals installed, for pages below `root_path`."""
    environment = SharedGlobals(
        loader=FileSystemLoader(VIEWS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        auto_reload=False,
        bytecode_cache=CompiledTemplates(VIEWS / "__pycache__", made_by=Path(__file__)),
        finalize=closed,
    )
    environment.template_class = PrefixedTemplate
    environment.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=True)  # pyright: ignore[reportAttributeAccessIssue]
    environment.filters |= {
        "day": i18n.day,
        "clock": i18n.clock_time,
        "ago": i18n.ago,
        "weekday": i18n.weekday_name,
        "number": i18n.number,
        "percent": i18n.percent,
        "phone_numbers": dialable,
    }
    environment.tests["more_than_numbers"] = says_more
    environment.globals |= {
        "_": translate,
        "ngettext": translate_number,
        "root_path": root_path,
        "VERSION": VERSION,
        "static_url": static_url,
        "script_modules": script_modules,
        "language": i18n.language.get,
        "FEW_MINUTES": FEW_MINUTES,
        "ANNOUNCED_AT": ANNOUNCED_AT,
        "rows": RowWriter(environment),
    }
    engine = JinjaTemplateEngine.from_environment(environment)
    engine.register_template_callable("csrf_token", token_for_forms)
    return engine
