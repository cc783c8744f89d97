"""Fictional therapists: nobody by these names practises there.

Telephone numbers come from the ranges the Bundesnetzagentur keeps free for films and books ("Drama
numbers"), e-mail addresses end in `.example` (RFC 2606).
"""

from datetime import datetime, timedelta
from typing import Any

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Windows = list[dict[str, str]]


def _hours(*spans: str) -> Windows:
    return [dict(zip(("start", "end"), span.split("-"), strict=True)) for span in spans]


def _days(names: str, *spans: str) -> dict[str, Windows]:
    return {day: _hours(*spans) for day in WEEKDAYS if day[:2] in names.split()}


PHONE_HOURS: dict[str, object] = {
    "mornings": _days("mo tu we th fr", "08:00-09:00"),
    "late mornings": _days("mo tu we th fr", "10:00-12:00"),
    "noon": _days("mo tu th", "12:00-13:00") | _days("we fr", "11:30-12:30"),
    "afternoons": _days("mo tu we th", "14:00-16:00") | _days("fr", "13:00-14:30"),
    "evenings": _days("mo we", "16:30-18:00") | _days("tu th", "09:00-10:00"),
    "twice a week": _days("tu th", "10:00-11:30", "15:00-16:00"),
    "practice desk": _days("mo tu we th fr", "09:00-12:00", "14:00-16:30"),
    "mixed": _days("mo", "09:00-11:00") | _days("we", "13:00-15:00") | _days("th fr", "10:00-10:30"),
    "written out": {"Montag": ["09:00-12:00"], "Mittwoch": ["09:00-12:00"], "Freitag": ["10:00-11:30"]},
    "partly readable": _days("tu we", "10:00-12:00") | {"friday": ["nach Vereinbarung"]},
    "overlapping": _days("mo tu we th fr", "11:00-13:00", "10:00-11:30"),
    "none": {},
}

_PEOPLE = """
1|Herr|Dr.|Jürgen|Schmidt|Kantstraße 148|10623|Berlin|030 23125 101|late mornings|aktiv
2|Frau|Dr.|Elif|Özdemir|Sonnenallee 71|12045|Berlin|030 23125 102|late mornings|aktiv
3|Herr||Matthias|Weber|Schönhauser Allee 88|10439|Berlin|030/23125103|practice desk|aktiv
4|Frau||Annegret|Lang|Bergmannstraße 22|10961|Berlin|+49 30 23125 104|noon|aktiv
5|Frau|Prof. Dr.|Cornelia|Klein|Warschauer Straße 41|10243|Berlin|030 23125 105|mornings|aktiv
6|Herr||Tobias|Nguyen|Torstraße 139|10119|Berlin|030 23125 106|afternoons|aktiv
7|Frau|Dr.|Magdalena|Kowalczyk|Turmstraße 30|10551|Berlin|030 23125 107|evenings|aktiv
8|Frau||Friederike|von Alten|Hauptstraße 97|12159|Berlin|030 23125 108|twice a week|aktiv
9|Herr|Dr.|Amir|Haddad|Karl-Marx-Straße 160|12043|Berlin|030 23125 109|practice desk|aktiv
10|Frau||Saskia|Böhme|Frankfurter Allee 12|10247|Berlin|030 23125 110|mixed|aktiv
11|Herr||Hans-Peter|Großmann|Müllerstraße 54|13349|Berlin|030 23125 111|written out|aktiv
12|Frau|Dr.|Yıldız|Aydın|Kottbusser Damm 79|10967|Berlin|030 23125 112|late mornings|aktiv
13|Frau||Ines|Petrović|Danziger Straße 65|10435|Berlin|030 23125 113|noon|aktiv
14|Herr|Dr.|Konstantin|Thieme|Wilmersdorfer Straße 116|10627|Berlin|030 23125 114|afternoons|aktiv
15|keine Angabe||Robin|Seidel|Boxhagener Straße 18|10245|Berlin|030 23125 115|practice desk|aktiv
16|Frau|Dr.|Ngozi|Okafor|Seestraße 101|13353|Berlin|030 23125 116|overlapping|aktiv
17|Frau||Birgit|Hansen|Osterstraße 120|20255|Hamburg|040 66969 201|late mornings|aktiv
18|Herr|Dr.|Ole|Petersen|Eppendorfer Weg 57|20259|Hamburg|040 66969 202|mornings|aktiv
19|Frau||Leyla|Karimi|Steindamm 94|20099|Hamburg|040 66969 203|evenings|aktiv
20|Herr||Sönke|Jessen|Bahrenfelder Straße 201|22765|Hamburg|040 66969 204|twice a week|aktiv
21|Frau|Dr.|Theresa|Brandt|Mühlenkamp 33|22303|Hamburg|040 66969 205|practice desk|aktiv
22|Frau||Mirjam|Rosenthal|Grindelallee 80|20146|Hamburg|040 66969 206|partly readable|aktiv
23|Herr||Piotr|Zieliński|Wandsbeker Chaussee 15|22089|Hamburg|040 66969 207|afternoons|aktiv
24|Frau|Dr.|Gesa|Lüders|Elbchaussee 12|22765|Hamburg||none|aktiv
25|Herr|Dr.|Joachim|Ostermann|Venloer Straße 241|50823|Köln|0221 4710 301|late mornings|aktiv
26|Frau||Claudia|Schmitz|Neusser Straße 188|50733|Köln|0221 4710 302|noon|aktiv
27|Frau|Dr.|Aylin|Demir|Keupstraße 25|51063|Köln|0221 4710 303|practice desk|aktiv
28|Herr||Björn|Wirtz|Zülpicher Straße 60|50674|Köln|0221 4710 304|mixed|aktiv
29|Frau||Giulia|Ferraro|Severinstraße 144|50678|Köln|0221 4710 305|evenings|aktiv
30|Herr|Dr.|Ludger|Heimann|Aachener Straße 311|50931|Köln|0221 4710 306|twice a week|gesperrt
31|Frau|Dr.|Katharina|Roth|Berger Straße 173|60385|Frankfurt am Main|069 90009 401|late mornings|aktiv
32|Herr||Emre|Yılmaz|Münchener Straße 36|60329|Frankfurt am Main|069 90009 402|practice desk|aktiv
33|Frau||Sabine|Krüger-Wolf|Leipziger Straße 27|60487|Frankfurt am Main|069 90009 403|afternoons|aktiv
34|Herr|Dr.|Samuel|Tesfaye|Schweizer Straße 52|60594|Frankfurt am Main|069 90009 404|mornings|aktiv
35|Frau||Hannelore|Vogt|Oeder Weg 9|60318|Frankfurt am Main|069 90009 405|noon|inaktiv
36|Frau|Dr.|Veronika|Huber|Sendlinger Straße 45|80331|München|089 99998 501|late mornings|aktiv
37|Herr||Florian|Obermeier|Leonrodstraße 72|80636|München|089 99998 502|practice desk|aktiv
38|Frau||Jasmin|El-Sayed|Rosenheimer Straße 110|81669|München|089 99998 503|overlapping|aktiv
39|Herr|Dr.|Stjepan|Horvat|Landsberger Straße 155|80687|München|089 99998 504|afternoons|aktiv
40|Frau||Luise|Reindl|Tegernseer Landstraße 61|81541|München|089 99998 505|evenings|aktiv
123|Frau|Dr.|Henriette|Falkenberg|Akazienstraße 27|10823|Berlin|030 23125 123|practice desk|aktiv
"""

AROUND_NOW = ((-40, 18), (-65, 48), (-30, 85), (-10, 115), (25, 80), (45, 110), (110, 180), None)
"""Begin and end of the phone hours, in minutes from now, in turn; none leaves a therapist's own hours."""


def fictional_therapists(now: datetime | None = None) -> list[dict[str, Any]]:
    """Return the therapists as the Therapist Service describes them.

    Args:
        now: where given, most therapists' hours of this local day lie around this wall-clock time.
    """
    therapists = [_therapist(line) for line in _PEOPLE.strip().splitlines()]
    if now is not None:
        for therapist in therapists:
            _move_hours(therapist, now)
    return therapists


def _therapist(line: str) -> dict[str, Any]:
    number, anrede, titel, vorname, nachname, strasse, plz, ort, telefon, hours, status = line.split("|")
    return {
        "id": int(number),
        "anrede": anrede,
        "titel": titel or None,
        "vorname": vorname,
        "nachname": nachname,
        "strasse": strasse,
        "plz": plz,
        "ort": ort,
        "telefon": telefon or None,
        "email": f"kontakt@{_domain(nachname)}.example",
        "telefonische_erreichbarkeit": PHONE_HOURS[hours],
        "status": status,
    }


def _domain(name: str) -> str:
    spelled = name.casefold().translate(str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", " ": "-"}))
    plain = spelled.translate(str.maketrans("ćńıłé", "cnile"))
    return f"praxis-{plain}"


def _move_hours(therapist: dict[str, Any], now: datetime) -> None:
    offsets = AROUND_NOW[therapist["id"] % len(AROUND_NOW)]
    hours = therapist["telefonische_erreichbarkeit"]
    today = WEEKDAYS[now.weekday()]
    if offsets is None or not hours or not set(hours) <= set(WEEKDAYS):
        return
    start, end = (_clock(now, minutes) for minutes in offsets)
    if start < end:
        therapist["telefonische_erreichbarkeit"] = hours | {today: _hours(f"{start}-{end}")}


def _clock(now: datetime, minutes: int) -> str:
    """Return `HH:MM` some minutes from now on a 5-minute grid, kept within the day."""
    at = now + timedelta(minutes=minutes)
    if at.date() < now.date():
        return "00:00"
    if at.date() > now.date():
        return "24:00"
    return f"{at.hour:02}:{at.minute // 5 * 5:02}"
