"""The demo's accounts. Their password is no secret: the demo answers on this machine only."""

STAFF = (("Anna", True), ("Ben", False))
"""Names, and whether they administer."""

PASSWORD = "anruf-am-pult"  # noqa: S105
