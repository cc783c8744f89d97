"""In whose name e-mails are sent: of `EMAIL_SENDER_DOMAINS` only, where that is set.

Domains are compared as DNS knows them (A-labels in lower case, RFC 5890); a subdomain is a domain of its own,
as it is for who answers for mail from it. Asked is whenever an e-mail is made or goes into the queue: what is
there already is sent, whatever the setting has become since.
"""

from sqlalchemy import ColumnElement, func, true

from services.emails.addresses import ascii_domain, is_address, normalized_address
from services.errors import FieldError, InvalidInput
from services.models import Email
from services.rules import DeskRules

OTHER_SENDER = "Nothing is sent in the name of this domain. Possible are: %(domains)s."


def check_sender(field: str, address: str, rules: DeskRules) -> list[FieldError]:
    """Return what is wrong with a sender; what is no address at all is for `check_address` to say."""
    if not rules.sender_domains or not is_address(address):
        return []
    if ascii_domain(address).lower() in rules.sender_domains:
        return []
    return [FieldError(field, OTHER_SENDER, (("domains", ", ".join(sorted(rules.sender_domains))),))]


def refuse_other_sender(email: Email, rules: DeskRules) -> None:
    """Refuse to queue an e-mail in the name of another domain.

    Raises:
        InvalidInput: names `absender_email`.
    """
    if errors := check_sender("absender_email", email.absender_email, rules):
        raise InvalidInput(*errors)


def has_possible_sender(rules: DeskRules) -> ColumnElement[bool]:
    """Return that an e-mail's sender is of a possible domain, however that is spelt."""
    if not rules.sender_domains:
        return true()
    own_script = (normalized_address(f"x@{domain}").partition("@")[2] for domain in rules.sender_domains)
    domain = func.lower(func.split_part(Email.absender_email, "@", -1))
    return domain.in_({*rules.sender_domains, *own_script})
