"""How to reach the mail server, read once from the settings."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shared.config import Settings
from shared.config.values import MailSecurity, is_full_name


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpOptions:
    """How to reach the mail server and how long to bear with it."""

    host: str
    port: int
    security: MailSecurity
    username: str | None
    password: str | None
    ca_file: Path | None
    deadline: float
    messages_per_connection: int
    helo_name: str | None
    """None: the address the connection comes from."""

    @classmethod
    def from_settings(cls, config: Settings) -> Self:
        """Read the options from the settings.

        The deadline of a message stays well inside its lease, so that no lease ends under a live delivery.
        """
        smtp = config.get_smtp_settings()
        return cls(
            host=smtp["host"],
            port=smtp["port"],
            security=smtp["security"],
            username=smtp["username"],
            password=smtp["password"],
            ca_file=config.smtp_ca_file,
            deadline=min(config.smtp_deadline_seconds, config.email_lease_seconds * 0.8),
            messages_per_connection=config.smtp_messages_per_connection,
            helo_name=config.smtp_helo_name or _own_name(),
        )


def _own_name() -> str | None:
    """Return the machine's name if it is a full one."""
    name = socket.gethostname()
    return name if is_full_name(name) and not name.startswith("localhost.") else None
