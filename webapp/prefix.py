"""The path the application stands below at its host, `ROOT_PATH`, and the one place where addresses get it.

Routes, templates and redirects name addresses as if there was no prefix. It is taken off what browsers ask
for, and put before what they are told: in headers (`below`) and in pages as they are rendered
(`PrefixedTemplate`). No route begins as the prefix does, so that an address is never both.
"""

import re
from collections.abc import Sequence
from typing import Any

from jinja2 import Template
from litestar.routes import BaseRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from shared.config import ConfigurationError

ATTRIBUTES = ("href", "action", "formaction", "src", "hx-get", "hx-post", "data-live-url")
"""What holds an address in templates."""

HEADERS = frozenset((b"location", b"hx-location", b"hx-redirect", b"hx-push-url", b"hx-replace-url"))

_ADDRESS = re.compile(rf'(\s(?:{"|".join(ATTRIBUTES)})=")/(?!/)')
"""An address of this site in a rendered page; what people typed has no quotation mark there."""


class PrefixedTemplate(Template):
    """A template whose environment's global `root_path` stands before its addresses."""

    def render(self, *args: Any, **kwargs: Any) -> str:
        """Return the page."""
        root = str(self.globals["root_path"])
        page = super().render(*args, **kwargs)
        return _ADDRESS.sub(rf"\g<1>{root}/", page) if root else page


def below(app: ASGIApp, root: str) -> ASGIApp:
    """Return `app` below `root`, such as `/pult`; also for a proxy that takes the prefix off itself."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_outer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [(name, _outer(name, value, root)) for name, value in message["headers"]]
            await send(message)

        if scope["type"] != "lifespan":
            scope["path"] = inner(scope["path"], root)
        await app(scope, receive, send_outer)

    return answer if root else app


def inner(path: str, root: str) -> str:
    """Return a path as routes know it."""
    below_root = f"{path}/".startswith(f"{root}/")
    return (path[len(root) :] or "/") if below_root else path


def outer(address: str, root: str) -> str:
    """Return an address of ours as browsers know it; any other as it is."""
    return f"{root}{address}" if address.startswith("/") and not address.startswith("//") else address


def _outer(name: bytes, value: bytes, root: str) -> bytes:
    return outer(value.decode("latin-1"), root).encode("latin-1") if name in HEADERS else value


def refuse_taken(root: str, routes: Sequence[BaseRoute]) -> None:
    """Check that no route begins as `root` does.

    Raises:
        ConfigurationError: one does.
    """
    first = root.split("/")[1:2]
    if first and first in [route.path.split("/")[1:2] for route in routes]:
        raise ConfigurationError(f"ROOT_PATH: /{first[0]} is an address of the application's own")
