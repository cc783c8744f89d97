"""`/api/docs`: the description of the API to read and to try, in a browser and without the internet.

The page is open to all and says nothing: its script fetches the document with the key typed into it. The
viewer is Swagger UI, whose files come along (`static/vendor/swagger-ui`); it speaks English only.
"""

from litestar import get
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.response import Template

HEADERS = {
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )
}
"""Narrower than the desk's pages: no form leaves it, nothing is framed."""


class JsonBesideViewer(JsonRenderPlugin):
    """The document as JSON, which leaves the root to the viewer."""

    def has_path(self, path: str) -> bool:
        """Whether something is served at a path already."""
        return path == "/" or super().has_path(path)


@get("/", opt={"public": True}, include_in_schema=False, sync_to_thread=False)
def viewer() -> Template:
    """Answer the page."""
    return Template("api_docs.html", headers=HEADERS)
