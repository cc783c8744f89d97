"""Whether a refusal means that an address is dead. Pure.

RFC 3463 gives the codes. Servers use them freely (Exim reports 5.0.0 for everything, Exchange Online 5.4.1
for a mailbox it has not got), so their words count where the code says little. In doubt an address lives:
one that is written to once too often costs less than one nobody writes to any more.
"""

import re

from services.receiving.wording import any_of

ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_BASIC = re.compile(r"(?<![\d.])([45])\d\d(?=[\s#-]|$)")
_DEAD_CODES = frozenset(("5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10"))
"""Mailbox, system, syntax, ambiguous, moved (RFC 3463), a domain that takes no mail (RFC 7505)."""

_SAY_LITTLE = re.compile(r"5\.(?:0\.\d+|1\.0|2\.[01]|3\.0|4\.[0146]|5\.[0-4])")
_NAMES = re.compile(r"\S*@\S*|https?://\S*|\bhost\s\S+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)+\b")
"""Addresses and hosts: what they are called says nothing."""

_SOMETHING_ELSE = any_of(
    r"\bfull\b|quota|exceeded|voll\b|überfüllt|speicherplatz|too (?:large|big)|size limit|zu groß",
    r"spam|junk|block|black\s?list|dnsbl|\brbl\b|(?<!not )listed|reputation|policy|policies|richtlinie"
    r"|gr[ea]y\s?list",
    r"dmarc|\bspf\b|dkim|content|virus|malware|banned|throttl|rate limit|too many",
    r"temporar|vorübergehend|try again|later\b|timed? ?out|zeitüberschreitung|expired|queue too long",
    r"relay(?:ing)? (?:access )?(?:denied|not|prohibited)|not relay|unable to relay",
    r"sender (?:address )?(?:rejected|denied|verif)|absender",
    r"authenticat|not authori[sz]ed|unauthori[sz]ed|loop",
)
_THING = r"(?:user|recipient|mailbox|account|address|alias|e-?mail)"
_GONE = any_of(
    rf"\b{_THING}\s(?:\S+\s){{0,6}}?(?:unknown|not found|not known|invalid|disabled|inactive|deactivated"
    r"|deleted)",
    rf"\b{_THING}\s(?:\S+\s){{0,6}}?(?:closed|unavailable|discontinued|no longer (?:valid|active|in use"
    r"|exists?))",
    r"\b(?:unknown|invalid|no such|non-?existent|not a (?:known|valid)|bad|illegal|inactive"
    r"|disabled)\s(?:local\s)?"
    rf"(?:{_THING}|destination|person|domain|host)",
    r"unknown or illegal alias|undefined mail alias|no valid recipients|mailbox unavailable|not listed",
    r"\bno (?:mailbox|account|valid recipient|user|one)s?\b.{0,40}\b(?:here|by that name|found|with this)",
    r"(?:does not|doesn't) (?:exist|have an? )|could(?:n't| not) be found|wasn't found"
    r"|recip(?:ient)?notfound",
    r"unroute?able (?:address|mail domain)|domain (?:name )?not found|host not found|nxdomain",
    r"non-existent hosts?|does not accept mail|nullmx|recipient address rejected:? access denied",
    r"(?:empfänger|benutzer|postfach|adresse|mailbox|konto|domain)\S*\s(?:\S+\s){0,5}?(?:unbekannt|ungültig)",
    r"(?:empfänger|benutzer|postfach|adresse|mailbox|konto|domain)\S*\s(?:\S+\s){0,5}?nicht\s(?:mehr\s)?"
    r"(?:bekannt|gefunden|vorhanden|verfügbar|erreichbar|gültig|aktiv)",
    r"(?:postfach|adresse|mailbox|konto)\s(?:\S+\s){0,3}?(?:deaktiviert|gelöscht|gesperrt|geschlossen)",
    r"unbekannte[rs]? (?:empfänger|benutzer|adresse|postfach)|existiert nicht|gibt es nicht"
    r"|kein solche[rs]?\s",
)


def enhanced_code(text: str) -> str:
    """Return the first enhanced status code (RFC 3463) in a text, empty where there is none."""
    match = ENHANCED.search(text)
    return match[1] if match else ""


def address_is_dead(status: str, words: str) -> bool:
    """Whether a final refusal says that nobody is behind an address.

    Args:
        status: the `Status` of the report, empty where there is none.
        words: what the refusing server said.
    """
    code = enhanced_code(words)
    if not code or code.endswith(".0.0"):
        code = enhanced_code(status) or code
    basic = _BASIC.search(words)
    only_basic = not code or code.endswith(".0.0")
    if "4" in (status[:1], code[:1]) or (only_basic and basic and basic[1] == "4"):
        return False
    said = _NAMES.sub(" ", words)
    if _SOMETHING_ELSE.search(said):
        return False
    if code in _DEAD_CODES:
        return True
    return (not code or bool(_SAY_LITTLE.fullmatch(code))) and bool(_GONE.search(" ".join(said.split())))
