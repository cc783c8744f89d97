"""Errors whose words quote what was to be stored or what came in have no words in a log."""

import asyncpg
import pytest
from asyncpg.exceptions import _base  # pyright: ignore[reportPrivateUsage]
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, ProtocolError

from services.receiving.mailbox import MailboxOptions, reason_in_words
from shared.config.settings import load_settings
from shared.reasons import words_of

SECRET = "praxis@example.org"
OPTIONS = MailboxOptions.from_settings(
    load_settings(env_file=None, app_env="testing", imap_host="imap.example", imap_password="geheim")
)


def test_an_argument_that_cannot_be_sent_is_not_quoted():
    error = _base.DataError(f"invalid input for query argument $1: '{SECRET}'")
    assert isinstance(error, asyncpg.InterfaceError)
    assert words_of(error) == ""


@pytest.mark.parametrize(
    "error",
    [
        ProtocolError(f"unexpected tail {SECRET}"),
        IMAPClientAbortError(f"unexpected response: b'Subject: {SECRET}'"),
        IMAPClientAbortError(f"command: FETCH => socket error: {SECRET}"),
    ],
)
def test_what_the_mailbox_sent_is_not_quoted(error: Exception):
    assert SECRET not in reason_in_words(error, OPTIONS)


def test_what_the_mailbox_answers_is_said():
    assert (
        reason_in_words(IMAPClientError("[AUTHENTICATIONFAILED] no"), OPTIONS) == "[AUTHENTICATIONFAILED] no"
    )
