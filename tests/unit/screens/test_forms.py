"""What all forms that are kept while they are typed have in common."""

import pytest

from webapp.screens.compose_form import ComposeForm
from webapp.screens.forms import Form
from webapp.screens.outcome_form import OutcomeForm
from webapp.screens.reply_form import ReplyForm


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        (OutcomeForm, {"ergebnis_art": "erreicht", "ergebnis": "zwei Plätze"}),
        (ReplyForm, {"art": "antwort", "antwortinhalt": "Gern", "nachverfolgung_notizen": ""}),
        (ComposeForm, {"therapist_id": "7", "template": "base", "var_anrede": "Guten Tag", "key": "k"}),
    ],
)
def test_a_form_is_read_alike_from_a_browser_and_from_its_draft(kind: type[Form], typed: dict[str, str]):
    sent = typed | {"version": "3", "action": "send", "preview": "1", "_csrf_token": "x", "values": "y"}
    draft = kind.read(sent).to_draft()
    assert typed.items() <= draft.items()
    assert not {"version", "action", "preview", "_csrf_token", "values"} & draft.keys()
    assert kind.read(draft).to_draft() == draft
    assert kind.read({"ergebnis": ["zwei", "Werte"], "betreff": None}) == kind()
