from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.calls.offers import Offer
from services.calls.outcome_said import Outcome
from services.errors import InvalidInput
from services.models import Audience, CallBackBy, OutcomeKind
from webapp.screens.outcome_form import LONGEST_NOTE, OutcomeForm


def test_the_note_is_trimmed_and_an_empty_one_is_none():
    assert OutcomeForm(ergebnis_art="erreicht", ergebnis=" ja ").to_outcome().ergebnis == "ja"
    assert OutcomeForm(ergebnis_art="erreicht", ergebnis="  ").to_outcome().ergebnis is None


@pytest.mark.parametrize("kind", [kind for kind in OutcomeKind if kind != OutcomeKind.CALL_BACK_AGREED])
def test_every_outcome_is_one_choice(kind: OutcomeKind):
    assert OutcomeForm(ergebnis_art=kind.value).to_outcome().art == kind


def test_a_call_back_is_agreed_for_a_time():
    form = OutcomeForm(
        ergebnis_art="rueckruf_vereinbart",
        geplantes_datum="2026-10-16",
        geplante_zeit="15:30",
        rueckruf_durch="therapeut",
    )
    agreed = form.to_outcome()
    assert (agreed.neuer_termin, agreed.rueckruf_durch) == (
        (date(2026, 10, 16), time(15, 30)),
        CallBackBy.THEM,
    )


def test_what_a_therapist_can_offer_goes_with_reached_only():
    typed = {
        "plaetze": "3",
        "plaetze_ab": "2027-01-07",
        "fuer_kinder": "ja",
        "fuer_gruppe": "ja",
        "warteliste": "ja",
        "wieder_fragen_am": "2026-12-01",
        "richtige_nummer": "030 1234567",
    }
    reached = OutcomeForm(ergebnis_art="erreicht", **typed).to_outcome()
    assert reached.angebot == Offer(
        plaetze=3,
        plaetze_ab=date(2027, 1, 7),
        plaetze_fuer=(Audience.CHILDREN, Audience.GROUP),
        warteliste=True,
        wieder_fragen_am=date(2026, 12, 1),
    )
    assert reached.richtige_nummer is None
    wrong_number = OutcomeForm(ergebnis_art="falsche_nummer", **typed).to_outcome()
    assert (wrong_number.angebot, wrong_number.richtige_nummer) == (None, "030 1234567")
    assert OutcomeForm(ergebnis_art="erreicht").to_outcome().angebot is None


def test_what_belongs_to_another_choice_is_left_out():
    form = OutcomeForm(
        ergebnis_art="erreicht",
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
        ({"ergebnis_art": "rueckruf_vereinbart"}, ["geplantes_datum", "geplante_zeit"]),
        (
            {"ergebnis_art": "erreicht", "plaetze_ab": "bald", "wieder_fragen_am": "bald"},
            ["plaetze_ab", "wieder_fragen_am"],
        ),
        ({"ergebnis_art": "erreicht", "ergebnis": "x" * (LONGEST_NOTE + 1)}, ["ergebnis"]),
        ({"ergebnis_art": "nicht_erreicht", "wiederholen_nach": "gestern"}, ["wiederholen_nach"]),
        ({"ergebnis_art": "verschoben", "wohin": "termin"}, ["geplantes_datum", "geplante_zeit"]),
    ],
)
def test_every_faulty_field_is_named(fields: dict[str, str], faulty: list[str]):
    with pytest.raises(InvalidInput) as refused:
        OutcomeForm(**fields).to_outcome()
    assert [error.field for error in refused.value.fields] == faulty


@given(st.builds(OutcomeForm, **dict.fromkeys(("ergebnis_art", "plaetze", "ergebnis", "wohin"), st.text())))
def test_a_draft_restores_the_form_whatever_was_typed(form: OutcomeForm):
    form.version = ""
    assert OutcomeForm.read(form.to_draft()) == form


def test_a_draft_with_unknown_fields_is_no_error():
    assert OutcomeForm.read({"frueher": "x", "ergebnis": "y"}).ergebnis == "y"
