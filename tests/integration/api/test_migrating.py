"""What `docs/how-to/migrating.md` shows is what the service answers; the Python examples run as they are."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar

from services.accounts.api_keys import create_key
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_therapist
from tests.integration.conftest import Client
from tests.work import work_of

ROOT = Path(__file__).parents[3]
EXAMPLE = re.compile(r"```http\n(?P<request>.*?)\n\n(?P<status>\d{3})\n(?P<answer>.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture
async def key(sessions: SessionFactory, clock: FakeClock) -> str:
    async with sessions() as session:
        key = await create_key(work_of(session, now=clock()), "matching")
        async with session.begin():
            session.add(make_therapist(id=123))
    return key


def holds(shown: Any, answered: Any) -> bool:
    """Whether an answer has at least what the document shows of it."""
    if isinstance(shown, dict):
        return all(name in answered and holds(value, answered[name]) for name, value in shown.items())
    if isinstance(shown, list):
        return len(shown) == len(answered) and all(map(holds, shown, answered))
    return shown == answered


async def test_the_examples_of_the_migration_guide_are_answered_as_shown(client: Client, key: str):
    examples = list(EXAMPLE.finditer((ROOT / "docs" / "how-to" / "migrating.md").read_text()))
    assert len(examples) > 10
    for example in examples:
        head, _, body = example["request"].partition("\n\n")
        line, *lines = head.splitlines()
        method, path = line.split(" ", 1)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        headers |= dict(written.split(": ", 1) for written in lines)
        answer = await client.request(method, path, headers=headers, content=body)
        assert answer.status_code == int(example["status"]), (example["request"], answer.text)
        assert holds(json.loads(example["answer"]), answer.json()), (example["request"], answer.text)


@pytest.mark.parametrize("document", ["README.md", "clients/python/README.md"])
async def test_the_python_examples_run(
    document: str, server: str, key: str, app: Litestar, capsys: pytest.CaptureFixture[str]
):
    [example] = PYTHON.findall((ROOT / document).read_text())
    example = re.sub(r'Client\("[^"]*"(, "[^"]*")?\)', f'Client("{server}", "{key}")', example)
    await asyncio.to_thread(exec, compile(example, document, "exec"), {})
    assert "\nQUEUED 2026-10-14 11:15" in f"\n{capsys.readouterr().out}"
