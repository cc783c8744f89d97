"""Styles, scripts and pictures, from memory: what is not one of them is not looked for on the disk."""

from mimetypes import guess_type
from pathlib import Path

from litestar import route
from litestar.params import FromPath
from litestar.response import Redirect, Response

from services.errors import NotFound
from webapp.static_files import static_files, static_url

KEPT_FOR_EVER = "public, max-age=31536000, immutable"


@route(
    "/static/{version:str}/{name:path}",
    http_method=["GET", "HEAD"],
    opt={"public": True},
    include_in_schema=False,
    sync_to_thread=False,
)
def static(version: FromPath[str], name: FromPath[Path]) -> Response[bytes] | Redirect:
    """Serve a file for ever; from the address of another version, as a page open since then asks, lead here.

    Raises:
        NotFound: there is no such file.
    """
    files = static_files()
    wanted = name.as_posix().lstrip("/")
    if wanted not in files.contents:
        raise NotFound
    if version != files.version:
        return Redirect(static_url(wanted), status_code=307)
    media_type = "text/javascript" if wanted.endswith(".js") else guess_type(wanted)[0]
    return Response(files.contents[wanted], media_type=media_type, headers={"Cache-Control": KEPT_FOR_EVER})
