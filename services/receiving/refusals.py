"""Whether a refusal means that an address is dead. Pure.

RFC 3463 gives the codes. Servers use them freely (Exim reports 5.0.0 for everything, Exchange Online 5.4.1
for a mailbox it has not got), so their words count where the code says little. In doubt an address lives:
one that is written to once too often costs less than one nobody writes to any more.
"""

import re

ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_BASIC = re.compile(r"(?<![\d.])([45])\d\d(?=[\s#-]|$)")
_DEAD_CODES = frozenset(("5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10"))
"""Mailbox, system, syntax, ambiguous, moved (RFC 3463), a domain that takes no mail (RFC 7505)."""

_SAY_LITTLE = re.compile(r"5\.(?:0\.\d+|1\.0|2\.[01]|3\.0|4\.[0146]|5\.[0-4])")
_NAMES = re.compile(r"\S*@\S*|https?://\S*|\bhost\s\S+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)+\b")
"""Addresses and hosts: what they are called says nothing."""

_SOMETHING_ELSE = re.compile(
    r"\bfull\b|quota|exceeded|voll\b|überfüllt|speicherplatz|too (?:large|big)|size limit|zu groß"
    r"|spam|junk|block|black\s?list|dnsbl|\brbl\b|listed|reputation|policy|policies|richtlinie|greylist|graylist"
    r"|dmarc|\bspf\b|dkim|content|virus|malware|banned|throttl|rate limit|too many|temporar|vorübergehend"
    r"|try again|later\b|timed? ?out|zeitüberschreitung|relay|sender (?:address )?(?:rejected|denied|verif)|absender"
    r"|authenticat|not authori[sz]ed|unauthori[sz]ed|loop|too many hops|expired|queue too long",
    re.IGNORECASE,
)
_DEAD_WORDS = re.compile(
    r"(?:user|recipient|mailbox|account|address|alias|e-?mail)\s(?:\S+\s){0,6}?(?:is\s|was\s|has been\s)?"
    r"(?:unknown|not found|not known|invalid|disabled|inactive|deactivated|deleted|closed|unavailable|discontinued"
    r"|does ?n[o']t exist|doesn't exist|not exist|not listed|no longer (?:valid|active|in use|exists?))"
    r"|(?:unknown|invalid|no such|nonexistent|non-existent|not a (?:known|valid)|bad|illegal|inactive|disabled)\s"
    r"(?:local\s)?(?:or illegal alias|user|recipient|mailbox|account|address|alias|destination|person|domain|host)"
    r"|no (?:mailbox|account|valid recipient|user|one)s?\b.{0,40}\b(?:here|by that name|found|with this|of that)"
    r"|no valid recipients|user(?:name)? (?:doesn't|does not) (?:exist|have)|undefined mail alias|mailbox unavailable"
    r"|does not exist|doesn't exist|couldn't be found|could not be found|wasn't found|recipientnotfound|recipnotfound"
    r"|unroute?able address|unroute?able mail domain|domain (?:not found|does not exist|name not found)|host not found"
    r"|non-existent (?:hosts?|domain)|nxdomain|does not accept mail|nullmx|recipient address rejected:? access denied"
    r"|(?:empfänger|benutzer|postfach|adresse|mailbox|konto|domain)\S*\s(?:\S+\s){0,5}?(?:unbekannt|nicht bekannt"
    r"|existiert nicht|nicht gefunden|nicht vorhanden|gibt es nicht|ungültig|deaktiviert|gelöscht|gesperrt"
    r"|nicht (?:mehr )?(?:verfügbar|erreichbar|gültig|aktiv))"
    r"|unbekannte[rs]? (?:empfänger|benutzer|adresse|postfach)|kein(?:e|en)? (?:solche[rs]?|gültige[rs]?|such)"
    r"|existiert nicht|gibt es nicht",
    re.IGNORECASE,
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
    return (not code or bool(_SAY_LITTLE.fullmatch(code))) and bool(
        _DEAD_WORDS.search(" ".join(said.split()))
    )
