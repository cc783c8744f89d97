"""An e-mail's own HTML for a sandboxed frame."""

from litestar import MediaType, Response

from webapp.security import MAIL_PREVIEW_HEADERS

PLAIN = "<!doctype html><style>body { font: 15px/1.5 sans-serif; margin: 16px; }</style>"
"""What comes before HTML that is no whole document, so that it looks as most mail programs show it."""


def framed_mail(html: str) -> Response[str]:
    """Answer a mail's HTML with headers under which nothing in it runs or is fetched."""
    whole = "<html" in html[:2000].lower()
    return Response(
        html if whole else PLAIN + html,
        media_type=MediaType.HTML,
        headers=MAIL_PREVIEW_HEADERS,
    )
