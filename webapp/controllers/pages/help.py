"""The guide for staff."""

from litestar import Controller, get
from litestar.response import Template


class HelpController(Controller):
    """What stands behind the *?*."""

    include_in_schema = False

    @get("/help", sync_to_thread=False)
    def show(self) -> Template:
        """Show the guide in the language of whoever reads; the one in English is short."""
        return Template("help/page.html")
