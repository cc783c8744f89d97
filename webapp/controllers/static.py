"""Styles, scripts and pictures, from memory: what is not one of them is not looked for on the disk."""

from mimetypes import guess_type
from pathlib import Path

from litestar import get
from litestar.params import FromPath
from litestar.response import Response

from services.errors import NotFound
from webapp.static_files import static_files

FOR_EVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"


@get("/static/{file_path:path}", opt={"public": True}, include_in_schema=False, sync_to_thread=False)
def static(file_path: FromPath[Path]) -> Response[bytes]:
    """Answer a file; browsers may keep it for ever under the address that names its version.

    Under another version's, as a page open since then asks, it is this version's all the same: so are those
    that it imports.

    Raises:
        NotFound: there is none of this name.
    """
    files = static_files()
    path = file_path.as_posix().lstrip("/")
    version, _, rest = path.partition("/")
    name = path if path in files.contents else rest
    if name not in files.contents:
        raise NotFound
    return Response(
        files.contents[name],
        media_type="text/javascript" if name.endswith(".js") else guess_type(name)[0],
        headers={"Cache-Control": FOR_EVER if version == files.version else ASK_FIRST},
    )
