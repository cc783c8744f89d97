"""The client's types and the OpenAPI document name the same fields."""

from typing import Any

import calldesk_client.models as models
import pytest
from litestar import Litestar
from msgspec import Struct
from msgspec.structs import fields

PAIRS = {
    "EmailCreate": models.NewEmail,
    "EmailUpdate": models.EmailChanges,
    "EmailSummary": models.EmailSummary,
    "EmailDetail": models.Email,
    "Attachment": models.Attachment,
    "IncomingMessage": models.IncomingMessage,
    "CallCreate": models.NewCall,
    "CallUpdate": models.CallChanges,
    "Call": models.Call,
    "StoppedAddress": models.StoppedAddress,
    "PhoneHours": models.PhoneHours,
    "FreeSlots": models.FreeSlots,
    "AbsenceState": models.Absence,
}


@pytest.mark.parametrize(("name", "model"), PAIRS.items())
def test_a_model_has_the_fields_of_its_schema(name: str, model: type[Struct], wired_app: Litestar):
    schema: dict[str, Any] = wired_app.openapi_schema.to_schema()["components"]["schemas"][name]
    assert {field.name for field in fields(model)} == schema["properties"].keys()
    assert {field.name for field in fields(model) if field.required} == set(schema.get("required", ()))
