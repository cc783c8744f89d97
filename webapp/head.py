"""HEAD wherever GET is: the same headers, and no body (RFC 9110, 9.3.2)."""

from litestar.types import ASGIApp, Message, Receive, Scope, Send


def head_as_get(app: ASGIApp) -> ASGIApp:
    """Return `app` so that a HEAD is a GET to it; what it sends after the headers goes nowhere.

    The scope stays the same one, for what is kept in it until the answer is sent; it says HEAD again by then.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await app(scope, receive, send)
            return

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["method"] = "HEAD"
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        scope["method"] = "GET"
        await app(scope, receive, send_headers)

    return answer


def allow_head(methods: bytes) -> bytes:
    """Return what an `Allow` header lists, with HEAD where GET is."""
    allowed = set(methods.decode().split(", "))
    return ", ".join(sorted(allowed | {"HEAD"} if "GET" in allowed else allowed)).encode()
