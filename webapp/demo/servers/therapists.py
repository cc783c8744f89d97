"""A small Therapist Service for demo and tests: the platform's JSON over real HTTP, fictional therapists.

It stands on nothing but the protocol between server and application (ASGI), so that it is there at once.
`python -m webapp.demo.servers.therapists 8002` serves it on that port, for `deploy/compose.yaml`.
"""

import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

Therapist = Mapping[str, Any]
Application = Callable[[Any, Any, Any], Awaitable[None]]

LIST = "/api/therapists"
MOST = 100


def create_therapist_service(therapists: Sequence[Therapist]) -> Application:
    """Return the service over a list of therapists, each with an `id`."""
    by_id = {str(therapist["id"]): therapist for therapist in therapists}
    in_order = sorted(therapists, key=lambda therapist: therapist["id"])

    def answer_to(path: str, query: Mapping[str, Sequence[str]]) -> tuple[int, Any]:
        before, _, last = path.rpartition("/")
        if path == LIST:
            return _page(in_order, query)
        if before == LIST and last in by_id:
            return 200, by_id[last]
        if path == "/health":
            return 200, {"status": "ok"}
        return 404, {"detail": "there is nothing here"}

    async def service(scope: Any, _receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            status, answer = answer_to(scope["path"], parse_qs(scope["query_string"].decode("latin-1")))
        else:
            status, answer = 405, {"detail": "this service is only read from"}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return service


def _page(therapists: Sequence[Therapist], query: Mapping[str, Sequence[str]]) -> tuple[int, Any]:
    [page, *_], [limit, *_] = query.get("page", ["1"]), query.get("limit", ["20"])
    if not (page.isdecimal() and limit.isdecimal() and int(page) and 0 < int(limit) <= MOST):
        return 400, {"detail": f"page is a number from 1 on, limit one from 1 to {MOST}"}
    start = (int(page) - 1) * int(limit)
    return 200, {
        "data": therapists[start : start + int(limit)],
        "page": int(page),
        "limit": int(limit),
        "total": len(therapists),
    }


def main() -> None:
    """Serve until a signal says stop."""
    import uvicorn

    from webapp.demo.sample.therapists import fictional_therapists

    application = create_therapist_service(fictional_therapists())
    uvicorn.run(application, host="0.0.0.0", port=int(sys.argv[1]), lifespan="off")  # noqa: S104


if __name__ == "__main__":
    main()
