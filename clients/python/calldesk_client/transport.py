"""One request to the service: with a deadline, repeated where that is safe."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from calldesk_client.errors import CalldeskError, Unreachable, refusal
from calldesk_client.retries import NOT_TAKEN, PASSING, Backoff, retry_after

NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
ATTEMPT_SECONDS = 10.0
"""For connecting and for each further step of one try."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request; `repeatable` where carrying it out twice is the same as once."""

    method: str
    path: str
    repeatable: bool
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Transport:
    """Connections to the service, kept and shared by threads."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        *,
        deadline_seconds: float,
        backoff: Backoff,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=base_url, headers=headers, follow_redirects=False)
        self._deadline_seconds = deadline_seconds
        self._backoff = backoff
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, ask: Ask) -> bytes:
        """Return the body of the answer.

        Raises:
            Refused: the service refuses.
            Unreachable: no answer came within the deadline.
        """
        until = time.monotonic() + self._deadline_seconds
        attempt = 0
        while True:
            told_to_wait = None
            try:
                answer = self._try(ask, until)
            except httpx.TransportError as error:
                failure: CalldeskError = Unreachable(f"{ask.method} {ask.path}: {type(error).__name__}")
                failure.__cause__ = error
                again = ask.repeatable or isinstance(error, NEVER_ARRIVED)
            else:
                if answer.is_success:
                    return answer.content
                failure = refusal(answer.status_code, answer.content)
                told_to_wait = retry_after(answer.headers.get("retry-after"))
                again = answer.status_code in (PASSING if ask.repeatable else NOT_TAKEN)
            wait = self._backoff.wait(attempt, told_to_wait, random.random())  # noqa: S311
            if not again or time.monotonic() + wait >= until:
                raise failure
            self._sleep(wait)
            attempt += 1

    def _try(self, ask: Ask, until: float) -> httpx.Response:
        """Return the answer to one try; between two parts of it the deadline counts, not the step's."""
        seconds = max(0.001, min(ATTEMPT_SECONDS, until - time.monotonic()))
        request = self._http.build_request(
            ask.method,
            ask.path,
            params=ask.parameters,
            content=ask.body,
            headers=ask.headers,
            timeout=seconds,
        )
        answer = self._http.send(request, stream=True)
        try:
            parts: list[bytes] = []
            for part in answer.iter_bytes():
                parts.append(part)
                if time.monotonic() > until:
                    raise httpx.ReadTimeout("the deadline ended within the answer", request=request)
        finally:
            answer.close()
        headers = {name: value for name, value in answer.headers.items() if name == "retry-after"}
        return httpx.Response(answer.status_code, headers=headers, content=b"".join(parts))
