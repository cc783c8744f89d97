"""Every setting and what it means, by section: `docs/reference/settings.md` is made of this."""

from shared.config.sections.desk import Calls, Retention
from shared.config.sections.mail import Mailbox, MailServer, Sending
from shared.config.sections.neighbours import Database, Kafka, Services
from shared.config.sections.process import Logins, Process, Web
from shared.config.sections.section import Section

SECTIONS: tuple[type[Section], ...] = (
    Process,
    Web,
    Logins,
    Database,
    Kafka,
    Services,
    MailServer,
    Sending,
    Mailbox,
    Calls,
    Retention,
)
"""In the order they are read in."""
