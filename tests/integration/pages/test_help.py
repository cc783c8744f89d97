import re

import pytest

from tests.integration.conftest import Client


@pytest.mark.parametrize(
    ("language", "title", "says"),
    [
        ("de", "Anleitung für das Anrufpult", "Rückruf vereinbart"),
        ("en", "Guide to the call desk", "Not reached"),
    ],
)
async def test_the_guide_is_read_in_the_language_of_the_screens(
    staff_client: Client, language: str, title: str, says: str
):
    page = (await staff_client.get("/help", headers={"Accept-Language": language})).text
    assert f"<h1>{title}</h1>" in page
    assert says in page
    for chapter in re.findall(r'<li><a href="#([^"]+)"', page):
        assert f'<h2 id="{chapter}">' in page


async def test_every_page_leads_to_the_guide_without_scripts(staff_client: Client):
    page = (await staff_client.get("/statistics")).text
    assert '<a class="link" href="/help">' in page


async def test_the_pictures_of_the_guide_are_there(staff_client: Client):
    page = (await staff_client.get("/help", headers={"Accept-Language": "de"})).text
    for picture in re.findall(r'<img src="([^"]+)"', page):
        assert (await staff_client.get(picture)).headers["Content-Type"] == "image/png"
