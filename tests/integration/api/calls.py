"""What the tests of the calls' API share: storing a call, and changing one over it."""

from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import make_call
from tests.integration.conftest import Client

CALLS = "/api/phone-calls"


async def add(session: AsyncSession, **values: object) -> int:
    call = make_call(**values)
    async with session.begin():
        session.add(call)
    return call.id


async def put(api: Client, call_id: int, expected: int = 200, /, **body: object) -> dict[str, object]:
    answer = await api.put(f"{CALLS}/{call_id}", json=body)
    assert answer.status_code == expected, answer.text
    return answer.json()


def fields(problem: dict[str, object]) -> list[str]:
    return [error["field"] for error in problem["errors"]]  # pyright: ignore
