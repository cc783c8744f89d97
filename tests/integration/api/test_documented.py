"""The requests that the documents show with curl are sent as they stand."""

from argparse import ArgumentParser
from urllib.parse import urlsplit

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import make_therapist
from tests.integration.conftest import Client
from tests.unit.documentation.documents import DOCUMENTS, Command, commands

CURL = ArgumentParser()
CURL.add_argument("url")
CURL.add_argument("-i", action="store_true")
CURL.add_argument("-X", dest="method")
CURL.add_argument("-H", dest="headers", action="append", default=[])
CURL.add_argument("-d", dest="body")

SHOWN = [each for document in DOCUMENTS for each in commands(document) if each.program == "curl"]


@pytest.mark.parametrize("command", SHOWN, ids=str)
async def test_a_request_shown_is_taken(command: Command, api: Client, session: AsyncSession):
    session.add(make_therapist(id=123))
    await session.commit()
    curl = CURL.parse_args(command.arguments)
    answer = await api.request(
        curl.method or ("POST" if curl.body else "GET"),
        urlsplit(curl.url).path,
        headers=dict(header.split(": ", 1) for header in curl.headers),
        content=curl.body,
    )
    assert answer.is_success, answer.text
