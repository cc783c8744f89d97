"""Call guides: what may stand in them, and that those shipped read well in every call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.desk.call_guide import SAMPLE, guide_errors, render, shipped
from services.models import CallReason

WITHOUT_EMAIL = {**SAMPLE, "betreff": "", "gesendet_am": "", "tage": 0}


@pytest.mark.parametrize("grund", CallReason)
@pytest.mark.parametrize("values", [SAMPLE, WITHOUT_EMAIL])
def test_the_shipped_guides_read_in_every_call(grund: CallReason, values: dict[str, str | int]):
    assert guide_errors(shipped(grund)) == []
    words = render(shipped(grund), values)
    assert "Frau Dr. Falkenberg" in words
    assert "Anna" in words
    assert not {"{", "}", "„“"} & {words[at : at + 1] for at in range(len(words))}
    assert "„“" not in words


@pytest.mark.parametrize(
    "text",
    [
        "{% if tage > 14 and betreff %}Lange her: {{ betreff|upper }}{% else %}Guten Tag{% endif %}",
        "{% if not betreff or anrede == 'Frau' %}x{% endif %}",
        "Ohne alles",
    ],
)
def test_what_a_few_lines_need_is_possible(text: str):
    assert guide_errors(text) == []
    render(text, SAMPLE)
    render(text, WITHOUT_EMAIL)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Guten Tag\n{{ telefon }}", 2),
        ("{% for a in betreff %}x{% endfor %}", 1),
        ("Eins\nZwei {{ betreff * 100000000 }}", 2),
        ("{{ betreff.__class__ }}", 1),
        ("{{ betreff[0] }}", 1),
        ("{{ lower(betreff) }}", 1),
        ("{% if betreff > tage %}x{% endif %}", 1),
        ("{% include 'base/body.html' %}", 1),
        ("{{ betreff|join }}", 1),
        ("{{ betreff|trim(3) }}", 1),
        ("Guten Tag {{ name", 1),
        ("{% if betreff %}\nnie zu Ende", 2),
    ],
)
def test_anything_else_is_refused_by_its_line(text: str, line: int):
    errors = guide_errors(text)
    assert errors
    assert dict(errors[0].values)["line"] == line


def test_a_guide_has_an_end():
    assert [error.field for error in guide_errors("x" * 4001)] == ["vorlage"]


@given(
    st.text(alphabet=st.sampled_from("{}%|. \nifendbetrffglsauptm'\"0>=")),
    st.sampled_from([SAMPLE, WITHOUT_EMAIL]),
)
def test_what_is_accepted_never_fails(text: str, values: dict[str, str | int]):
    if not guide_errors(text):
        render(text, values)
