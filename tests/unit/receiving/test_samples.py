import json
from pathlib import Path
from typing import Any

import pytest

from tests.incoming_mail import day, understood

SAMPLES = Path(__file__).parents[2] / "mail_samples"
EXPECTED: dict[str, dict[str, Any]] = json.loads((SAMPLES / "expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_is_what_it_is_expected_to_be(name: str) -> None:
    expected = EXPECTED[name]
    seen = understood((SAMPLES / name).read_bytes())

    assert seen.kind == expected["kind"]
    assert seen.back_on == (day(expected["back_on"]) if "back_on" in expected else None)
    if expected["match"] == "sure":
        returned = seen.bounce.returned.message_id if seen.bounce and seen.bounce.returned else None
        refers_to = f"<{expected['refers_to']}>" if "refers_to" in expected else returned
        assert seen.keys.message_ids[0] == refers_to
    else:
        assert seen.keys.message_ids == ()
        assert seen.keys.sender
    if "recipient" in expected:
        assert seen.bounce is not None
        (recipient,) = seen.bounce.recipients
        assert recipient.address == expected["recipient"]
        assert recipient.status == expected.get("status", recipient.status)
        assert recipient.dead is expected["stop_list"]
    assert [words for words in expected.get("text_has", []) if words not in seen.words] == []
    assert [words for words in expected.get("text_lacks", []) if words in seen.words] == []


def test_every_sample_is_expected() -> None:
    assert {path.name for path in SAMPLES.glob("*.eml")} == set(EXPECTED)
