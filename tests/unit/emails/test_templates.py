import re

import pytest
from jinja2 import DictLoader, Environment
from jinja2.exceptions import SecurityError, TemplateError, TemplateNotFound, UndefinedError

from services.checks import TOO_LARGE, TOO_LONG
from services.emails.templates import engine
from services.emails.templates.engine import (
    NoSuchTemplate,
    all_templates,
    environment,
    get_template,
    render_limited,
    render_template,
)
from services.errors import InvalidInput

NAMES = ["base", "confirmation", "follow_up", "initial_contact"]
CONTACT = {"anrede": "Sehr geehrte Frau Weber", "anzahl": 2}


def with_source(source: str) -> Environment:
    return environment().overlay(loader=DictLoader({"t": source}))


def test_four_templates_are_shipped():
    assert list(all_templates()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_template_renders_with_its_sample_and_with_only_what_it_requires(name: str):
    template = get_template(name)
    required = {v.name: v.sample for v in template.variables if v.required}
    for data in (template.sample, required):
        mail = render_template(name, data)
        assert mail.betreff
        assert "None" not in mail.body_html
        assert "{{" not in mail.body_html
        assert 'style="' in mail.body_html
        assert mail.body_text.startswith(f"{data['anrede']},")
        assert "Mit freundlichen Grüßen" in mail.body_text


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_loads_nothing_from_elsewhere(name: str):
    html = render_template(name, get_template(name).sample).body_html
    assert not re.search(r"<(link|img|script|iframe|object)|url\(|@import|https?://", html)


def test_one_person_is_addressed_as_one():
    mail = render_template("initial_contact", CONTACT | {"anzahl": 1})
    assert mail.betreff == "Anfrage: 1 Person sucht einen Therapieplatz"
    assert "Eine Person, die wir begleiten, wohnt im Einzugsgebiet" in mail.body_text


def test_dates_are_german():
    data = {"anrede": "A", "anzahl": 1, "anfrage_vom": "2026-03-07"}
    assert render_template("follow_up", data).betreff == "Nachfrage zu unserer Anfrage vom 7. März 2026"


def test_data_is_escaped_in_html_and_plain_elsewhere():
    attack = '<img src="https://tracker.example"><style>@import "x"</style>{{ 7 * 7 }}'
    mail = render_template("base", {"anrede": attack, "absaetze": [attack]}, betreff="A & B")
    assert "<img" not in mail.body_html
    assert "49" not in mail.body_html
    assert attack in mail.body_text
    assert mail.betreff == "A & B"
    assert "<title>A &amp; B</title>" in mail.body_html


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ({}, ["anrede", "anzahl"]),
        (CONTACT | {"anrede": None}, ["anrede"]),
        (CONTACT | {"patient": "x", "b": 1}, ["patient", "b"]),
        (CONTACT | {"anzahl": True}, ["anzahl"]),
        (CONTACT | {"anzahl": 0}, ["anzahl"]),
        (CONTACT | {"anzahl": 1.5}, ["anzahl"]),
        (CONTACT | {"anrede": 5}, ["anrede"]),
        (CONTACT | {"telefon": []}, ["telefon"]),
        (CONTACT | {"antwort_bis": ""}, ["antwort_bis"]),
        (CONTACT | {"anrede": "a\nb"}, ["anrede"]),
        (CONTACT | {"anrede": "\x00"}, ["anrede"]),
        (CONTACT | {"gesuche": "x"}, ["gesuche"]),
        (CONTACT | {"gesuche": ["x"] * 51}, ["gesuche"]),
        (CONTACT | {"gesuche": ["x", 1]}, ["gesuche"]),
        (CONTACT | {"gesuche": ["x", ""]}, ["gesuche"]),
        (CONTACT | {"antwort_bis": "6.11.2026"}, ["antwort_bis"]),
        (CONTACT | {"antwort_bis": 20261106}, ["antwort_bis"]),
    ],
)
def test_wrong_data_is_named_by_variable(data: dict[str, object], fields: list[str]):
    with pytest.raises(InvalidInput) as refused:
        render_template("initial_contact", data)
    assert [error.field for error in refused.value.fields] == [f"template_data.{field}" for field in fields]


@pytest.mark.parametrize("nothing", [None, "", " \n", "\u200b"])
def test_a_text_that_says_nothing_is_missing(nothing: object):
    agreed = get_template("confirmation").sample
    optional = {"naechster_schritt": nothing, "unterschrift": nothing, "telefon": nothing}
    without = {name: value for name, value in agreed.items() if name not in optional}
    assert render_template("confirmation", agreed | optional) == render_template("confirmation", without)
    with pytest.raises(InvalidInput) as refused:
        render_template("confirmation", agreed | {"anrede": nothing})
    assert [error.field for error in refused.value.fields] == ["template_data.anrede"]


def test_a_list_that_is_required_has_an_entry_and_another_may_have_none():
    for template, name in (("base", "absaetze"), ("confirmation", "vereinbarungen")):
        for empty in ([], [""], ["\u200b"]):
            with pytest.raises(InvalidInput) as refused:
                render_template(template, get_template(template).sample | {name: empty})
            assert [error.field for error in refused.value.fields] == [f"template_data.{name}"]
    assert render_template("initial_contact", CONTACT | {"gesuche": []}).body_text


def test_a_paragraph_is_as_long_as_a_note_and_a_line_is_not():
    paragraph = "Wort " * 2_000
    assert paragraph.strip() in render_template("base", {"anrede": "A", "absaetze": [paragraph]}).body_text
    for template, data in (
        ("base", {"anrede": "A", "absaetze": [paragraph + "x"]}),
        ("initial_contact", CONTACT | {"gesuche": ["x" * 256]}),
    ):
        with pytest.raises(InvalidInput) as refused:
            render_template(template, data)
        assert [error.message for error in refused.value.fields] == [TOO_LONG]


@pytest.mark.parametrize("name", ["", "nothing", "../engine", "base/body.html", "/etc/passwd"])
def test_there_is_no_other_template(name: str):
    with pytest.raises(NoSuchTemplate):
        render_template(name, {})


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ x.__class__ }}",
        "{{ x['__class__'] }}",
        "{{ '{0.__class__}'.format(x) }}",
        "{{ x|attr('__class__') }}",
        "{{ self.__init__.__globals__ }}",
        "{{ self._TemplateReference__context.eval_ctx.environment }}",
        "{{ x.append(1) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum(n=1000) }}",
        "{% for i in range(999999) %}{{ i }}{% endfor %}",
        "{{ config }}",
        "{{ 'a'|center(1000000000) }}",
        "{% include '/etc/passwd' %}",
        "{% include '../engine.py' %}",
    ],
)
def test_a_template_reaches_neither_the_system_nor_other_data(source: str):
    with pytest.raises((SecurityError, UndefinedError, TemplateNotFound, TemplateError, AttributeError)):
        with_source(source).get_template("t").render(x=["data"])


def test_templates_include_only_each_other():
    loader = environment().loader
    assert loader is not None
    with pytest.raises(TemplateNotFound):
        loader.load(environment(), "../engine.py")


@pytest.mark.parametrize("paragraphs", [["x" * 10_000] * 14, ["<" * 1_000] * 40])
def test_a_letter_that_is_too_large_as_html_is_refused(paragraphs: list[str]):
    with pytest.raises(InvalidInput) as refused:
        render_template("base", {"anrede": "A", "absaetze": paragraphs})
    assert [(error.field, error.message) for error in refused.value.fields] == [("template_data", TOO_LARGE)]


def test_styles_do_not_make_a_body_too_large(monkeypatch: pytest.MonkeyPatch):
    data = {"anrede": "A", "absaetze": ["x"] * 50}
    monkeypatch.setattr(
        engine, "LARGEST_LETTER_BYTES", len(render_template("base", data).body_html.encode()) - 1
    )
    with pytest.raises(InvalidInput) as refused:
        render_template("base", data)
    assert [error.field for error in refused.value.fields] == ["template_data"]


def test_a_mail_that_grows_too_large_is_refused():
    jinja = with_source(
        "{% for a in x %}{% for b in x %}{% for c in x %}{{ c }}{% endfor %}{% endfor %}{% endfor %}"
    )
    with pytest.raises(InvalidInput):
        render_limited(jinja, "t", {"x": ["Wort"] * 50 + ["x" * 100] * 50})
