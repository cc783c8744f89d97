"""The day somebody is back, read from an out-of-office note in German or English. Pure.

Reads what is said plainly ("bis einschl. 03.01.", "ab dem 7. Januar wieder", "from 1 to 12 August", "back on
Monday") and answers nothing where it is not certain: two absences to choose from, "bis Mitte Januar", a
weekday that does not fall on its date, a day that has passed or lies more than a year ahead. "Bis" and
"until" name the last day away, as German means it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.receiving.dates import LATEST, Mention, Precision, days_in
from services.receiving.wording import any_of

_LONGEST_NOTE = 5_000
"""Characters that are read: a note says it in the beginning."""

_SOON = timedelta(days=7)
"""An absence announced further ahead has not begun."""

_ONE_DAY = timedelta(days=1)
_NEAR = 60
_SENTENCE_END = re.compile(
    r"\n\s*\n|(?<![\d.])(?<!\beinschl)(?<!\binkl)(?<!\bincl)(?<!\bDr)(?<!\bca)[.!?]\s+(?=[A-ZÄÖÜ])"
)
_FILLER = (
    r"(?::|(?:\s+(?:zum|zur|zu|einschl(?:ießlich|iesslich)?|inkl(?:usive|usiv)?|incl(?:uding|usive)?"
    r"|and including|the|dem|den|der|and|mit|erst|on|voraussichtlich)\b\.?){1,4})?\s*$"
)
_UNTIL = re.compile(r"\b(?:bis|until|till|til|through|thru)" + _FILLER, re.IGNORECASE)
_AFTER = re.compile(r"\b(?:nach|after)" + _FILLER, re.IGNORECASE)
_SPAN = re.compile(r"\s*,?\s*(?:\b(?:bis|until|till|through|thru|to)|[-–—])" + _FILLER, re.IGNORECASE)
_BETWEEN = re.compile(r"\b(?:zwischen|between)\b", re.IGNORECASE)
_AND = re.compile(r"\s*(?:und|and)" + _FILLER, re.IGNORECASE)
_DAY_ONLY = re.compile(
    r"(?<![\d.])(\d{1,2})(?:\.|st|nd|rd|th)?\s*(?:\b(?:bis|to|until|through|und|and)|[-–—])" + _FILLER,
    re.IGNORECASE,
)
_END_OF = re.compile(r"\b(?:ende|(?:the\s+)?end\s+of)\s*$", re.IGNORECASE)
_FROM = re.compile(r"\b(?:ab|from|starting|as\s+of|as\s+from)" + _FILLER, re.IGNORECASE)
_SINCE = re.compile(r"\b(?:vom|von|seit|since)" + _FILLER, re.IGNORECASE)
_ON = re.compile(r"\b(?:am|on|zum)" + _FILLER, re.IGNORECASE)
_NOT_BACK_UNTIL = re.compile(
    r"(?:\bnot\b|n't)[^.]{0,40}\b(?:back|return\w*)\b[^.]{0,40}\b(?:until|till|before)\s*(?:the\s+)?$"
    r"|\b(?:nicht|not)\s(?:\w+\s){0,3}(?:vor|before)(?:\s(?:dem|the))?\s*$",
    re.IGNORECASE,
)
_BACK = any_of(
    r"\bwieder\b(?!\s+(?:im|in)\s+(?:den\s+)?(?:urlaub|ferien))|\bzurück|rückkehr|wiederkomm",
    r"\berste[rn]?\s+(?:arbeits|praxis|sprech)\w*tag|\b(?:beantwort|bearbeit|antwort)e|\bmelde\b",
    r"\bbeantwortet|\bbearbeitet|\bback\b|\breturn|\breopen|\bresum|\breply\b|\brespond\b|\banswer\b",
)
_THERE = re.compile(
    r"\b(?:erreichbar|verfügbar|zu erreichen|für sie da|available|in the office)\b", re.IGNORECASE
)
_AWAY = any_of(
    r"urlaub|ferien|abwesen|geschlossen|nicht|kein|au(?:ß|ss)er haus|vertret|pause|auszeit|verreist"
    r"|unterwegs",
    r"fortbildung|elternzeit|mutterschutz|krank|\bkur\b|\breha\b|reise",
    r"\baway\b|\bout\b|\bclosed|\bleave\b|vacation|holiday|unavailable|\bnot\b|n't\b|\bno\b|travel"
    r"|\boff\b|\booo\b",
    r"limited|absen|\bzu(?=[.!,]|$)",
)
_NOT = re.compile(r"\b(?:nicht|kein\w*|not|unavailable)\b|n't\b", re.IGNORECASE)
_CLAUSE = re.compile(r"[,;]|\b(?:und|and)\b", re.IGNORECASE)
_RECURRING = re.compile(r"\s*(?:,|und\b|and\b|bis\b|[-–]|von\b|\d|to\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Away:
    """An absence up to its last day; when it began is not always said."""

    first: date | None
    last: date


def back_on(text: str, written: date, *, subject: str = "") -> date | None:
    """Return the first day on which somebody is there again, or None where the note does not plainly say so.

    Args:
        text: the note's own words, without what it quotes.
        written: the day of the mail, as its sender counts days.
        subject: the mail's subject, which may say it too.
    """
    away: list[_Away] = []
    back: list[date] = []
    for sentence in _sentences(subject, text[:_LONGEST_NOTE]):
        _read(sentence, written, away, back)
    return _settled(away, back, written)


def _sentences(subject: str, text: str) -> Iterator[str]:
    yield " ".join(subject.split())
    for sentence in _SENTENCE_END.split(text):
        yield " ".join(sentence.split())


def _read(sentence: str, written: date, away: list[_Away], back: list[date]) -> None:
    """Note the absences and returns a sentence names."""
    mentions = list(days_in(sentence, written))
    edges = [0, *(mention.last for mention in mentions)]
    for at, mention in enumerate(mentions):
        if mention.day is None or _opens_span(sentence, mentions, at):
            continue
        before = sentence[edges[at] : mention.first]
        following = mentions[at + 1].first if at + 1 < len(mentions) else len(sentence)
        after = sentence[mention.last : following]
        opened = _opened(sentence, mentions, at)
        if opened and mention.precision is Precision.WEEKDAY:
            continue
        first = mention.opens or opened or _day_only(before, mention.day)
        if _NOT_BACK_UNTIL.search(before):
            back.append(mention.day)
        elif _AFTER.search(before) and _BACK.search(before + after):
            back.append(mention.day + _ONE_DAY)
        elif first or _UNTIL.search(before) or _END_OF.search(before):
            last = _last_day(mention, before)
            if last and _AWAY.search(sentence):
                away.append(_Away(first, last))
        elif _says_back(mention, before, after):
            back.append(mention.day)


def _opens_span(sentence: str, mentions: Sequence[Mention], at: int) -> bool:
    """Whether a day is the first of a span whose last is the next one."""
    if at + 1 >= len(mentions):
        return False
    between = sentence[mentions[at].last : mentions[at + 1].first]
    before = sentence[max(mentions[at].first - _NEAR, 0) : mentions[at].first]
    return bool(_SPAN.fullmatch(between) or (_AND.fullmatch(between) and _BETWEEN.search(before)))


def _opened(sentence: str, mentions: Sequence[Mention], at: int) -> date | None:
    """Return the first day of the span a day is the last of."""
    return mentions[at - 1].day if at and _opens_span(sentence, mentions, at - 1) else None


def _day_only(before: str, last: date) -> date | None:
    """Return the first day of "1. bis 12. August"."""
    match = _DAY_ONLY.search(before)
    if not match or not 1 <= int(match[1]) <= last.day:
        return None
    return last.replace(day=int(match[1]))


def _last_day(mention: Mention, before: str) -> date | None:
    """Return the last day away that "bis ..." names; of a month only its end is a day."""
    assert mention.day
    if mention.precision is not Precision.MONTH:
        return mention.day
    if not _END_OF.search(before):
        return None
    return (mention.day + timedelta(days=31)).replace(day=1) - _ONE_DAY


def _says_back(mention: Mention, before: str, after: str) -> bool:
    """Whether a day is named as the one somebody is there again, by the words up to its neighbours."""
    around = f"{before} {after}"
    there = _THERE.search(around) and not _NOT.search(around)
    if _SINCE.search(before) or not (_BACK.search(around) or there):
        return False
    if _FROM.search(before):
        clause = _CLAUSE.split(before)[-1]
        return bool(_BACK.search(clause)) or not _AWAY.search(clause)
    if mention.precision is Precision.DATE:
        return bool(_ON.search(before) or _BACK.search(before[-_NEAR:]))
    return mention.precision is Precision.WEEKDAY and bool(_ON.search(before)) and not _RECURRING.match(after)


def _settled(away: Sequence[_Away], back: Sequence[date], written: date) -> date | None:
    """Return the one day that what was read agrees on."""
    latest = written + LATEST
    current = [each for each in away if each.last >= written and _has_begun(each, written)]
    running = [each for each in current if each.first and each.first <= written]
    ends = {each.last for each in running or current}
    returns = [day for day in back if written < day <= latest]
    if len(ends) > 1 or any(end > latest for end in ends):
        return None
    if returns:
        return None if ends and min(returns) < min(ends) else min(returns)
    return min(ends) + _ONE_DAY if ends else None


def _has_begun(absence: _Away, written: date) -> bool:
    return absence.first is None or absence.first <= written + _SOON
