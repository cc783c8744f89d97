"""All that is looked into, in the order it is told."""

from collections.abc import Mapping

from webapp.doctor.database import clock, commits, database, outbox, rights, schema, sending, time_zone
from webapp.doctor.findings import Probe
from webapp.doctor.peers import events, mail_server, mailbox, therapists
from webapp.doctor.surroundings import data_folder, settings

PROBES: Mapping[str, Probe] = {
    "settings": settings,
    "database": database,
    "database rights": rights,
    "schema": schema,
    "commits": commits,
    "clock": clock,
    "time zone": time_zone,
    "mail server": mail_server,
    "sending": sending,
    "mailbox": mailbox,
    "Kafka": events,
    "outbox": outbox,
    "Therapist Service": therapists,
    "data folder": data_folder,
}
