"""From octets to text that PostgreSQL can hold, whatever charset a mail claims. Pure."""

import codecs
import re
from email.errors import HeaderParseError
from email.header import decode_header

_CODEC_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,39}")
_TEXT_CODECS = re.compile(
    r"ascii|utf-(?:7|8|8-sig|16|16-le|16-be|32|32-le|32-be)|iso8859-\d+|iso2022_\w+|cp\d+|koi8-\w+|mac-\w+"
    r"|gb2312|gbk|gb18030|hz|big5\w*|euc_\w+|shift_jis\w*|johab"
)
"""Python knows codecs that are no charsets, some of them slow on long input."""

_WESTERN = frozenset(("ascii", "iso8859-1", "iso8859-15", "cp1252"))
"""Charsets often named where the text is UTF-8."""

_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_UNSTORABLE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
_UMLAUTS = tuple((f"{letter}\u0308", umlaut) for letter, umlaut in zip("aouAOU", "äöüÄÖÜ", strict=True))


def decode(octets: bytes, charset: str | None = None) -> str:
    """Return octets as clean text: by their charset where it can be true, else as UTF-8 or Windows-1252."""
    return clean(_decoded(octets, _codec(charset, octets)))


def clean(text: str) -> str:
    """Return a text as it can be stored and searched.

    Lines end with a line feed, umlauts are one character, and there are no NULs, other control characters
    or halves of surrogate pairs.
    """
    text = _CONTROL.sub("", _LINE_END.sub("\n", text))
    for decomposed, umlaut in _UMLAUTS:
        text = text.replace(decomposed, umlaut)
    return _UNSTORABLE.sub("\ufffd", text)


def decode_words(value: str) -> str:
    """Return a header field's value with its encoded words (RFC 2047) decoded, as far as they can be."""
    try:
        pieces = decode_header(value)
    except HeaderParseError:
        return clean(value)
    return clean("".join(_piece(data, charset) for data, charset in pieces))


def _piece(data: bytes | str, charset: str | None) -> str:
    if isinstance(data, str):
        return data
    return data.decode("raw-unicode-escape", "replace") if charset is None else decode(data, charset)


def _codec(charset: str | None, octets: bytes) -> str | None:
    """Return the name of the codec to try, or None where the charset is unknown or can't be true."""
    if not charset or not _CODEC_NAME.fullmatch(charset):
        return None
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        return None
    impossible = name.startswith(("utf-16", "utf-32")) and b"\x00" not in octets
    return name if _TEXT_CODECS.fullmatch(name) and not impossible else None


def _decoded(octets: bytes, codec: str | None) -> str:
    candidates = ["utf-8"] if codec is None or codec in _WESTERN else [codec, "utf-8"]
    for candidate in candidates:
        try:
            return octets.decode(candidate)
        except UnicodeError:
            continue
    if codec not in _WESTERN:
        damaged = octets.decode("utf-8", "replace")
        if 2 * damaged.count("\ufffd") <= sum(not character.isascii() for character in damaged):
            return damaged
    return octets.decode("iso8859-15" if codec == "iso8859-15" else "cp1252", "replace")
