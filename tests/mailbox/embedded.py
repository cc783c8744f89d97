"""The embedded mailbox, with what tests do to a mail server."""

from collections.abc import Sequence

from imapclient import IMAPClient

from webapp.demo.servers.imap import FOLDER, PASSWORD, USERNAME, EmbeddedMailbox


class EmbeddedServer(EmbeddedMailbox):
    """A restart on the same port is another, empty mailbox."""

    username = USERNAME
    password = PASSWORD
    keeps_mail = False
