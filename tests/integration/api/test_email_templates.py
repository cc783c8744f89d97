"""`/api/email-templates` as another service of the platform sees it."""

from tests.integration.api.test_emails import NEW, api
from tests.integration.conftest import Client

__all__ = ["api"]


async def test_the_shipped_templates_are_listed_with_what_they_need(api: Client):
    listed = (await api.get("/api/email-templates")).json()["data"]
    assert [template["name"] for template in listed] == [
        "base",
        "confirmation",
        "follow_up",
        "initial_contact",
    ]
    one = (await api.get("/api/email-templates/initial_contact")).json()
    assert one in listed
    required = {variable["name"] for variable in one["variablen"] if variable["pflicht"]}
    assert required == {"anrede", "anzahl"}


async def test_a_template_previews_with_its_own_sample(api: Client):
    for template in (await api.get("/api/email-templates")).json()["data"]:
        url = f"/api/email-templates/{template['name']}/preview"
        preview = await api.post(url, json={})
        assert preview.status_code == 200
        assert preview.json().keys() == {"betreff", "body_html", "body_text"}
        same = await api.post(url, json={"template_data": template["beispiel"]})
        assert same.json() == preview.json()
    assert (await api.get("/api/emails")).json()["total"] == 0


async def test_what_is_previewed_is_what_is_stored(api: Client):
    data = {"anrede": "Sehr geehrte Frau Weber", "anzahl": 1, "antwort_bis": "2026-11-06"}
    url = "/api/email-templates/initial_contact/preview"
    preview = (await api.post(url, json={"template_data": data})).json()
    mail = {field: NEW[field] for field in ("therapist_id", "empfaenger_email", "empfaenger_name")}
    mail |= {"template": "initial_contact", "template_data": data}
    stored = (await api.post("/api/emails", json=mail)).json()
    assert {field: stored[field] for field in preview} == preview


WRONG: list[tuple[dict[str, object], str]] = [
    ({"template_data": {"anzahl": 1}}, "template_data.anrede"),
    ({"template_data": {"anrede": "A", "anzahl": "drei"}}, "template_data.anzahl"),
    ({"template_data": {"anrede": "A", "anzahl": 1, "vorname": "x"}}, "template_data.vorname"),
    ({"betreff": "a\nb"}, "betreff"),
    ({"daten": {}}, "daten"),
]


async def test_a_wrong_variable_is_named(api: Client):
    for body, field in WRONG:
        answer = await api.post("/api/email-templates/initial_contact/preview", json=body)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_there_is_no_other_template(api: Client):
    for name in ("nothing", "base%2Fbody.html", "__init__"):
        assert (await api.get(f"/api/email-templates/{name}")).status_code == 404
        assert (await api.post(f"/api/email-templates/{name}/preview", json={})).status_code == 404
