"""Subjects of the hints sent by NOTIFY (`shared.database.wake`): what may have changed, never the data."""

EMAIL_QUEUE = "email-queue"
"""An e-mail was queued or became due: wakes the senders."""

OUTBOX = "outbox"
"""An event was written: wakes the relay."""

CALLS = "calls"
"""A call or claim changed: open desks refetch their list."""

EMAILS = "emails"
"""An e-mail changed: open e-mail pages refetch."""

LOGINS = "logins"
"""A session was ended: open streams look whether theirs still holds."""

NOTES = "notes"
"""A note for the next shift was left or taken down: open desks refetch them."""

INCOMING = "incoming"
"""A message came in, or somebody dealt with one: open inboxes refetch."""
