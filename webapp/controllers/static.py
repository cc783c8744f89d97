"""Styles and scripts, from memory: what is not one of them is not looked for on the disk."""

import mimetypes
from functools import cache
from pathlib import Path

from litestar import Response, route
from litestar.params import FromPath, FromQuery

from services.errors import NotFound
from webapp.templating import STATIC, static_url

FOR_EVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"


@route(
    "/static/{file_path:path}",
    http_method=["GET", "HEAD"],
    opt={"public": True},
    include_in_schema=False,
    sync_to_thread=False,
)
def static(file_path: FromPath[Path], v: FromQuery[str] = "") -> Response[bytes]:
    """Answer a file; browsers may keep it for ever under the address that names this very content.

    Raises:
        NotFound: there is none of this name.
    """
    name = str(file_path).lstrip("/")
    content = _files().get(name)
    if content is None:
        raise NotFound
    newest = static_url(name) == f"/static/{name}?v={v}"
    return Response(
        content,
        media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        headers={"Cache-Control": FOR_EVER if newest else ASK_FIRST},
    )


@cache
def _files() -> dict[str, bytes]:
    return {str(path.relative_to(STATIC)): path.read_bytes() for path in STATIC.rglob("*") if path.is_file()}
