"""A Therapist Service for tests, spoken to through httpx's own transport interface."""

import asyncio
import json
from collections.abc import Callable

import httpx

MORNINGS = {
    day: [{"start": "10:00", "end": "12:00"}]
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
}


def therapist_json(therapist_id: int = 1, **values: object) -> dict[str, object]:
    defaults: dict[str, object] = {
        "id": therapist_id,
        "anrede": "Herr",
        "titel": "Dr.",
        "vorname": "Jürgen",
        "nachname": "Schmidt",
        "strasse": "Lindenallee 1",
        "plz": "10115",
        "ort": "Berlin",
        "telefon": "030 1234567",
        "email": "praxis@example.org",
        "telefonische_erreichbarkeit": MORNINGS,
        "status": "aktiv",
    }
    return defaults | values


class TherapistServiceDouble:
    """Answers like the Therapist Service; `failing` makes it answer something else, or raise."""

    def __init__(self) -> None:
        self.therapists: dict[int, dict[str, object]] = {}
        self.requests: list[str] = []
        self.failing: Callable[[httpx.Request], httpx.Response] | None = None
        self.hanging = False

    def add(self, therapist_id: int = 1, **values: object) -> None:
        self.therapists[therapist_id] = therapist_json(therapist_id, **values)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(str(request.url))
        if self.hanging:
            await asyncio.Event().wait()
        if self.failing is not None:
            return self.failing(request)
        name = request.url.path.removeprefix("/api/therapists").strip("/")
        if not name:
            return self._list(int(request.url.params["page"]), int(request.url.params["limit"]))
        if int(name) not in self.therapists:
            return httpx.Response(404, json={"message": "not found"})
        return self._json(self.therapists[int(name)])

    def _list(self, page: int, limit: int) -> httpx.Response:
        everyone = [self.therapists[number] for number in sorted(self.therapists)]
        rows = everyone[(page - 1) * limit : page * limit]
        return self._json({"data": rows, "page": page, "limit": limit, "total": len(everyone)})

    @staticmethod
    def _json(answer: object) -> httpx.Response:
        return httpx.Response(
            200, content=json.dumps(answer).encode(), headers={"content-type": "application/json"}
        )


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)
