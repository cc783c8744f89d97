"""A small Therapist Service for demo and tests: the platform's JSON over real HTTP, fictional therapists."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Litestar, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter

Therapist = Mapping[str, Any]


def create_therapist_service(therapists: list[dict[str, Any]]) -> Litestar:
    """Return the service over a list of therapists, each with an `id`."""
    by_id: dict[int, Therapist] = {therapist["id"]: therapist for therapist in therapists}
    in_order = [by_id[number] for number in sorted(by_id)]

    @get("/api/therapists")
    async def list_therapists(
        page: Annotated[int, QueryParameter(ge=1)] = 1,
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    ) -> dict[str, Any]:
        start = (page - 1) * limit
        return {
            "data": in_order[start : start + limit],
            "page": page,
            "limit": limit,
            "total": len(in_order),
        }

    @get("/api/therapists/{therapist_id:int}")
    async def get_therapist(therapist_id: FromPath[int]) -> Therapist:
        if therapist_id not in by_id:
            raise NotFoundException(detail=f"there is no therapist {therapist_id}")
        return by_id[therapist_id]

    @get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return Litestar(route_handlers=[list_therapists, get_therapist, health], openapi_config=None)
