"""Extract the screens' texts, and check that both catalogs are complete.

`python -m webapp.translations update` adds new texts to the catalogs and drops unused ones;
`python -m webapp.translations check` fails when a catalog lacks a text, has one too many, or breaks a place.
"""

import re
import sys
from importlib import import_module
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from services.errors import DomainError
from webapp.i18n import LANGUAGES, LOCALE_DIR

ROOT = Path(__file__).parent.parent
SOURCES = ("webapp", "services")
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {"**.html": {"extensions": "jinja2.ext.do", "trim_blocks": "true", "lstrip_blocks": "true"}}
KEYWORDS = {
    "gettext": None,
    "ngettext": (1, 2),
    "_": None,
    "FieldError": (2,),
    "Problem": (3,),
    "msgid": None,
}
HEADER = """msgid ""
msgstr ""
"Language: {code}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""
MESSAGE_MODULES = (
    "accounts.own_account",
    "accounts.password_rules",
    "accounts.second_factor",
    "checks",
    "emails.addresses",
    "emails.reply",
    "emails.schedule",
    "emails.senders",
    "emails.stop_list",
    "emails.templates.engine",
    "emails.templates.variables",
    "hours.reading",
    "receiving.effects",
)
"""Modules of `services` whose constants are messages to whoever fills in a form."""

PLACE = re.compile(r"%\((\w+)\)")


def extract() -> Catalog:
    """Return all texts of templates and code, and the messages of every domain error."""
    texts = Catalog(charset="utf-8")
    for folder in SOURCES:
        found = extract_from_dir(
            ROOT / folder, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=("Translators:",)
        )
        for file, _line, message, _comments, _context in found:
            texts.add(message, locations=[(f"{folder}/{file}", 0)])
    for name in MESSAGE_MODULES:
        for message in _message_constants(name):
            texts.add(message, locations=[(f"services.{name}", 0)])
    for error in _all_errors(DomainError):
        if error.__doc__:
            texts.add(error.__doc__.strip().splitlines()[0], locations=[(error.__module__, 0)])
    return texts


def update() -> None:
    """Bring both catalogs up to date with the sources; English says what the message id says."""
    texts = extract()
    for code in LANGUAGES:
        catalog = _read(code)
        catalog.update(texts, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        if code == "en":
            for message in catalog:
                if message.id and not _text(message.string):
                    message.string = message.id
        _write(code, catalog)


def check() -> list[str]:
    """Return what is wrong with the catalogs, nothing when they are complete."""
    problems: list[str] = []
    wanted = {_key(message.id): message for message in extract() if message.id}
    for code in LANGUAGES:
        catalog = {_key(message.id): message for message in _read(code) if message.id}
        problems += [f"{code}: missing {key!r}" for key in wanted.keys() - catalog.keys()]
        problems += [f"{code}: unused {key!r}" for key in catalog.keys() - wanted.keys()]
        for key, message in catalog.items():
            text = _text(message.string)
            if not text or message.fuzzy:
                problems.append(f"{code}: not translated {key!r}")
            elif set(PLACE.findall(text)) - set(PLACE.findall(_text(message.id))):
                problems.append(f"{code}: a place that the text does not have, in {key!r}")
    return problems


def _read(code: str) -> Catalog:
    path = LOCALE_DIR / f"{code}.po"
    if not path.exists():
        return Catalog(locale=code, charset="utf-8")
    with path.open("rb") as source:
        return read_po(source, locale=code)


def _write(code: str, catalog: Catalog) -> None:
    with (LOCALE_DIR / f"{code}.po").open("wb") as target:
        target.write(HEADER.format(code=code).encode())
        write_po(target, catalog, width=110, sort_output=True, omit_header=True, include_lineno=False)


def _key(message_id: object) -> str:
    return message_id if isinstance(message_id, str) else str(list(message_id)[0])  # type: ignore[call-overload]  # noqa: RUF015


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    parts = [str(part) for part in value] if isinstance(value, list | tuple) else []
    return " ".join(parts) if all(parts) else ""


def _message_constants(module: str) -> list[str]:
    """Return a module's texts: its constants, or their values, that are whole sentences."""
    constants = vars(import_module(f"services.{module}")).items()
    values = [value for name, value in constants if name.isupper()]
    values += [each for value in values if isinstance(value, dict) for each in value.values()]
    return [text for text in values if isinstance(text, str) and text.endswith(".")]


def _all_errors(base: type[DomainError]) -> set[type[DomainError]]:
    import webapp.app  # noqa: F401

    return {base}.union(*(_all_errors(child) for child in base.__subclasses__()))


def main() -> int:
    """Run `update` or `check`."""
    if sys.argv[1:] == ["update"]:
        update()
        return 0
    problems = check()
    print("\n".join(sorted(problems)) or "Both catalogs are complete.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
