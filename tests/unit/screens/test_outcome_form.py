from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.calls.outcomes import Outcome
from services.errors import InvalidInput
from services.models import OutcomeKind
from webapp.screens.outcome_form import LONGEST_NOTE, OutcomeForm


def test_the_note_is_trimmed_and_an_empty_one_is_none():
    assert OutcomeForm(ergebnis_art="erreicht", ergebnis=" ja ").to_outcome().ergebnis == "ja"
    assert OutcomeForm(ergebnis_art="erreicht", ergebnis="  ").to_outcome().ergebnis is None


@pytest.mark.parametrize("kind", ["nicht_erreicht", "besetzt", "anrufbeantworter", "falsche_nummer"])
def test_not_reached_may_be_said_more_exactly(kind: str):
    form = OutcomeForm(ergebnis_art="nicht_erreicht", genauer=kind)
    assert form.to_outcome().art == OutcomeKind(kind)


def test_what_belongs_to_another_choice_is_left_out():
    form = OutcomeForm(
        ergebnis_art="erreicht",
        genauer="besetzt",
        wiederholen_nach="2026-10-20",
        wohin="termin",
        geplantes_datum="unreadable",
    )
    assert form.to_outcome() == Outcome(art=OutcomeKind.REACHED, typed=form.to_draft())


def test_a_postponed_call_goes_to_the_next_window_or_to_a_time():
    assert OutcomeForm(ergebnis_art="verschoben").to_outcome().neuer_termin is None
    agreed = OutcomeForm(
        ergebnis_art="verschoben", wohin="termin", geplantes_datum="2026-10-16", geplante_zeit="15:30"
    )
    assert agreed.to_outcome().neuer_termin == (date(2026, 10, 16), time(15, 30))


@pytest.mark.parametrize(
    ("fields", "faulty"),
    [
        ({}, ["ergebnis_art"]),
        ({"ergebnis_art": "nonsense"}, ["ergebnis_art"]),
        ({"ergebnis_art": "nicht_erreicht", "genauer": "nonsense"}, ["ergebnis_art"]),
        ({"ergebnis_art": "erreicht", "ergebnis": "x" * (LONGEST_NOTE + 1)}, ["ergebnis"]),
        ({"ergebnis_art": "nicht_erreicht", "wiederholen_nach": "gestern"}, ["wiederholen_nach"]),
        ({"ergebnis_art": "verschoben", "wohin": "termin"}, ["geplantes_datum", "geplante_zeit"]),
    ],
)
def test_every_faulty_field_is_named(fields: dict[str, str], faulty: list[str]):
    with pytest.raises(InvalidInput) as refused:
        OutcomeForm(**fields).to_outcome()
    assert [error.field for error in refused.value.fields] == faulty


@given(st.builds(OutcomeForm, **dict.fromkeys(("ergebnis_art", "genauer", "ergebnis", "wohin"), st.text())))
def test_a_draft_restores_the_form_whatever_was_typed(form: OutcomeForm):
    form.version = ""
    assert OutcomeForm.read(form.to_draft()) == form


def test_a_draft_with_unknown_fields_is_no_error():
    assert OutcomeForm.read({"frueher": "x", "ergebnis": "y"}).ergebnis == "y"
