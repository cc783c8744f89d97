"""Make a POST safe to repeat: one key, one result, also when two requests arrive at once.

The key's row is inserted first in the creating transaction. A second request with the same key waits on the
unique index until the first has committed or rolled back, and then sees what it made, or takes its place.

What was made before is only said once it is as safe as the first answer would have made it: where a standby
is waited for (`synchronous_standby_names`) and was away, a commit given up after its deadline stands on the
primary alone, and reading it waits for nobody.
"""

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import String, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from services.errors import IdempotencyConflict
from services.models import SCHEMA, IdempotencyKey
from services.work import Transaction, Work
from shared.direct_connection import DirectPool
from shared.postgresql import LOGGED

Row = TypeVar("Row")

NOT_MADE_YET = 0

RESERVED = f"""
    INSERT INTO {SCHEMA}.idempotency_keys (scope, key, request_hash, resource_id)
    SELECT $2::text, $3::text, $4::bytea, id FROM numbered WHERE $3::text IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING resource_id
"""  # noqa: S608
"""Takes the key for the id in `numbered`, in the statement that makes it; `reserving` gives $2 to $4."""

EARLIER = f"""
    SELECT resource_id, request_hash, {LOGGED} FROM {SCHEMA}.idempotency_keys WHERE scope = $1 AND key = $2
"""  # noqa: S608


class Made(NamedTuple, Generic[Row]):
    """What a request has made; `repeated` when an earlier, equal one did."""

    row: Row
    repeated: bool


@dataclass(frozen=True, slots=True)
class RepeatableRequest:
    """A caller's `Idempotency-Key` with the SHA-256 of what it asks for.

    `caller` is the id of the API key it has shown: two services may use the same keys.
    """

    key: str
    request_hash: bytes
    caller: int | None = None

    def scope(self, resource: str) -> str:
        """Return where the key counts: among one caller's requests for one kind of record."""
        return resource if self.caller is None else f"{resource}:{self.caller}"

    def same(self, resource_id: int, request_hash: bytes) -> int:
        """Return the id of what an earlier request made, if that one asked for the same.

        Raises:
            IdempotencyConflict: it had another body.
        """
        if request_hash != self.request_hash:
            raise IdempotencyConflict(resource_id=resource_id)
        return resource_id


async def reserve(tx: Transaction, resource: str, request: RepeatableRequest) -> int | None:
    """Take the key in the running transaction, or return the id of the resource it made before.

    Raises:
        IdempotencyConflict: the key was used with another body.
    """
    scope = request.scope(resource)
    values = {
        "scope": scope,
        "key": request.key,
        "request_hash": request.request_hash,
        "resource_id": NOT_MADE_YET,
    }
    taken = await tx.session.scalar(
        insert(IdempotencyKey).values(values).on_conflict_do_nothing().returning(IdempotencyKey.id)
    )
    if taken is not None:
        return None
    earlier = (
        await tx.session.execute(
            select(
                IdempotencyKey.request_hash, IdempotencyKey.resource_id, literal_column(LOGGED, String())
            ).where(IdempotencyKey.scope == scope, IdempotencyKey.key == request.key)
        )
    ).one()
    return request.same(earlier.resource_id, earlier.request_hash)


def reserving(
    resource: str, request: RepeatableRequest | None
) -> tuple[str | None, str | None, bytes | None]:
    """Return the arguments of `RESERVED`; without a request it takes no key."""
    if request is None:
        return None, None, None
    return request.scope(resource), request.key, request.request_hash


async def made_before(statements: DirectPool, resource: str, request: RepeatableRequest | None) -> int | None:
    """Return the id of what the key has made, None for nothing; for who used `RESERVED`.

    Raises:
        IdempotencyConflict: the key was used with another body.
    """
    if request is None:
        return None
    rows = await statements.fetch(EARLIER, request.scope(resource), request.key)
    return request.same(rows[0]["resource_id"], rows[0]["request_hash"]) if rows else None


async def has_made(work: Work, resource: str, request: RepeatableRequest) -> bool:
    """Say whether the key has made something already. Begins a transaction of its own."""
    async with work.transaction() as tx:
        made = await tx.session.scalar(
            select(IdempotencyKey.resource_id).where(
                IdempotencyKey.scope == request.scope(resource), IdempotencyKey.key == request.key
            )
        )
    return made is not None


async def fulfil(tx: Transaction, resource: str, request: RepeatableRequest, resource_id: int) -> None:
    """Note what the key made, in the transaction that made it."""
    await tx.session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.scope == request.scope(resource), IdempotencyKey.key == request.key)
        .values(resource_id=resource_id)
    )
