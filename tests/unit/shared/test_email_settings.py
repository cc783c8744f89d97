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


@pytest.mark.parametrize("setting", ["bounce_address", "reply_to_address"])
@pytest.mark.parametrize(
    "address", ["bounce", "bounce+x@example.de", f"{'b' * 40}@example.de", "b@localhost"]
)
def test_an_address_a_token_does_not_fit_into_is_named(setting: str, address: str):
    with pytest.raises(ConfigurationError, match=rf"^{setting.upper()}: give "):
        load_settings(env_file=None, **{setting: address})


def test_an_address_for_reports_is_kept_as_addresses_are_stored():
    kept = load_settings(env_file=None, bounce_address="Bounce@MÜLLER.example")
    assert (kept.bounce_address, kept.reply_to_address) == ("Bounce@müller.example", "")


@pytest.mark.parametrize("name", ["", " ", "Praxis\r\nBcc: x@example.de", "a\x00b"])
def test_a_senders_name_is_one_line(name: str):
    with pytest.raises(ConfigurationError, match=r"^EMAIL_SENDER_NAME: give "):
        load_settings(env_file=None, email_sender_name=name)


def test_a_sender_is_kept_as_addresses_are_stored():
    settings = load_settings(env_file=None, email_sender="Kontakt@MÜLLER.example", email_sender_name=" Wir ")
    assert settings.get_smtp_settings()["sender"] == "Kontakt@müller.example"
    assert settings.get_smtp_settings()["sender_name"] == "Wir"


@pytest.mark.parametrize(
    "name", ["desk.example.de", "a-1.b", "xn--mller-kva.example", "[192.0.2.1]", "[IPv6:2001:db8::1]"]
)
def test_the_service_calls_itself_by_a_full_name_or_an_address(name: str):
    assert load_settings(env_file=None, smtp_helo_name=name).smtp_helo_name == name


@pytest.mark.parametrize("name", ["", " "])
def test_without_a_name_there_is_none(name: str):
    assert load_settings(env_file=None, smtp_helo_name=name).smtp_helo_name is None


@pytest.mark.parametrize(
    "name",
    [
        "desk",
        "localhost",
        "192.0.2.1",
        "[192.0.2]",
        "[2001:db8::1]",
        "[IPv6:192.0.2.1]",
        "desk_1.example.de",
        "-a.example",
        "a..example",
        "müller.example",
        "a.example\r\nMAIL",
    ],
)
def test_what_is_neither_a_full_name_nor_an_address_is_refused_at_start(name: str):
    with pytest.raises(ConfigurationError, match=r"^SMTP_HELO_NAME: give a full name or an address"):
        load_settings(env_file=None, smtp_helo_name=name)


def test_domains_of_senders_are_kept_as_dns_knows_them():
    settings = load_settings(
        env_file=None, email_sender="a@MÜLLER.example", email_sender_domains=" Müller.example,, b.EXAMPLE "
    )
    assert settings.sender_domains == ["xn--mller-kva.example", "b.example"]
    assert load_settings(env_file=None).sender_domains == []


@pytest.mark.parametrize("domains", ["@example.de", "a@example.de", "localhost", "*", "a..b", "a b.de"])
def test_what_is_no_domain_is_named(domains: str):
    with pytest.raises(ConfigurationError, match=r"^EMAIL_SENDER_DOMAINS: name domains without @"):
        load_settings(env_file=None, email_sender_domains=domains)


def test_the_usual_sender_is_of_one_of_them():
    with pytest.raises(ConfigurationError, match=r"EMAIL_SENDER_DOMAINS: .* add therapieplatz\.example"):
        load_settings(env_file=None, email_sender_domains="example.de")
