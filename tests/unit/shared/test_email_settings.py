"""A sender nobody can send from is refused at start, with what would be right."""

import pytest

from shared.config.settings import ConfigurationError, load_settings


@pytest.mark.parametrize(
    "sender",
    ["", "kontakt", "kontakt@", "kontakt@localhost", "bürö@example.de", "a@example.de\n", "A <a@example.de>"],
)
def test_a_sender_that_is_no_address_is_named(sender: str):
    with pytest.raises(ConfigurationError, match=r"^EMAIL_SENDER: give .* for example kontakt@example.de$"):
        load_settings(env_file=None, email_sender=sender)


@pytest.mark.parametrize("name", ["", " ", "Praxis\r\nBcc: x@example.de", "a\x00b"])
def test_a_senders_name_is_one_line(name: str):
    with pytest.raises(ConfigurationError, match=r"^EMAIL_SENDER_NAME: give "):
        load_settings(env_file=None, email_sender_name=name)


def test_a_sender_is_kept_as_addresses_are_stored():
    settings = load_settings(env_file=None, email_sender="Kontakt@MÜLLER.example", email_sender_name=" Wir ")
    assert settings.get_smtp_settings()["sender"] == "Kontakt@müller.example"
    assert settings.get_smtp_settings()["sender_name"] == "Wir"
