from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.receiving.absence import back_on
from tests.incoming_mail import day

TOLD = [
    ("2026-12-22", "I am out of the office from 21/12/2026 to 03/01/2027.", "2027-01-04"),
    ("2026-12-20", "Ich bin bis einschl. 03.01. im Urlaub.", "2027-01-04"),
    ("2026-12-21", "Wir sind ab dem 7. Januar wieder für Sie da.", "2027-01-07"),
    ("2026-08-01", "Die Praxis ist bis zum 15.8.2026 geschlossen.", "2026-08-16"),
    ("2026-08-03", "Die Praxis ist vom 1.8. bis 12.8. geschlossen.", "2026-08-13"),
    ("2025-12-20", "Ich bin wieder erreichbar ab Montag, 5. Januar.", "2026-01-05"),
    ("2026-12-20", "I will be back on January 7th.", "2027-01-07"),
    ("2026-12-20", "I am out of the office until 3 Jan.", "2027-01-04"),
    ("2026-12-22", "Praxisurlaub vom 21.12.2026-06.01.2027. Vertretung: Dr. X", "2027-01-07"),
    ("2026-12-22", "Praxisferien 21.12.–6.1.", "2027-01-07"),
    ("2026-08-03", "Wir haben vom 1. bis 12. August Urlaub.", "2026-08-13"),
    ("2026-08-03", "Wir haben vom 1. bis zum 12. August Urlaub.", "2026-08-13"),
    ("2026-08-03", "I am on annual leave from 1 to 12 August and will reply on my return.", "2026-08-13"),
    ("2026-08-03", "The practice is closed August 1-12.", "2026-08-13"),
    ("2026-12-22", "The office is closed Dec 21 - Jan 6, 2027.", "2027-01-07"),
    ("2026-11-27", "Ich bin ab Montag wieder im Büro.", "2026-11-30"),
    ("2026-11-25", "Ich bin bis Freitag nicht erreichbar.", "2026-11-28"),
    ("2026-12-22", "Away until 2027-01-05.", "2027-01-06"),
    ("2026-12-22", "Ich bin bis Ende Januar in Elternzeit.", "2027-02-01"),
    ("2026-12-22", "Ab Februar bin ich wieder da.", "2027-02-01"),
    ("2026-12-22", "Ich befinde mich bis zu meiner Rückkehr am 7. Januar im Urlaub.", "2027-01-07"),
    ("2026-12-22", "I will not be back until January 7.", "2027-01-07"),
    ("2026-12-22", "I'm away and will be returning Monday, January 4.", "2027-01-04"),
    ("2026-12-22", "Abwesend bis: 06.01.2027\nRückkehr: 07.01.2027", "2027-01-07"),
    (
        "2026-11-22",
        "Sie haben uns erreicht. Ihre E-Mail vom 20.11. wird ab dem 30.11. bearbeitet. Wir sind nicht da.",
        "2026-11-30",
    ),
    ("2026-12-02", "Ich bin am 14.12. um 9 Uhr wieder in der Praxis.", "2026-12-14"),
    (
        "2026-12-24",
        "Unsere Praxis bleibt in der Zeit vom 23. Dezember bis einschließlich 3. Januar geschlossen. Ab "
        "dem 4. Januar sind wir wieder zu den gewohnten Zeiten da.",
        "2027-01-04",
    ),
    ("2026-12-03", "I am out of office 01/12/2026 until 12/12/2026.", "2026-12-13"),
    ("2026-08-03", "Urlaub vom 1.8. bis 12.8. und vom 24.12. bis 2.1.", "2026-08-13"),
    ("2026-08-03", "In der Zeit zwischen dem 1. und 12. August bin ich nicht da.", "2026-08-13"),
    ("2026-08-03", "between 1 August and 12 August I am away", "2026-08-13"),
    ("2026-12-24", "Erster Arbeitstag ist Donnerstag, der 7. Januar.", "2027-01-07"),
    ("2026-12-24", "I am on leave through Jan 3rd, back Jan 4th", "2027-01-04"),
    ("2026-12-24", "Ich bin erst am 07. Jan. 2027 wieder im Hause.", "2027-01-07"),
    ("2026-12-24", "Die Praxis ist wegen Urlaub geschlossen und öffnet am 7.1.27 wieder.", "2027-01-07"),
    ("2026-12-24", "I may be slow to answer. I am on leave until the end of January.", "2027-02-01"),
    ("2026-12-24", "Nach dem 6. Januar bin ich wieder da.", "2027-01-07"),
    ("2026-12-24", "Ich kehre am 7. Januar zurück.", "2027-01-07"),
    ("2026-12-24", "Bin bis inkl. Freitag, den 8. Januar 2027 nicht im Büro", "2027-01-09"),
    ("2026-12-24", "Ich bin nicht vor dem 7. Januar zurück", "2027-01-07"),
    ("2026-12-23", "vom 24.12.2026 bis einschließlich 03.01.2027 ist die Praxis geschlossen", "2027-01-04"),
    ("2026-12-20", "Ab dem 21.12. bin ich im Urlaub und am 7.1. wieder da.", "2027-01-07"),
    ("2026-12-20", "I am away from Dec 21 returning Jan 4.", "2027-01-04"),
    ("2026-12-20", "Ich bin nicht da, ab 5. Januar wieder erreichbar", "2027-01-05"),
    (
        "2026-12-20",
        "Sie erreichen uns wieder ab Donnerstag, dem 7. Januar, zu den üblichen Zeiten",
        "2027-01-07",
    ),
    ("2026-08-03", "Liebe Patienten, vom 1.-12.8. machen wir Betriebsferien", "2026-08-13"),
    ("2026-12-21", "I'm out of the office Dec 21 through Jan 3 with no access to email.", "2027-01-04"),
    ("2026-12-21", "I am out of the office from Monday 21 December to Friday 1 January.", "2027-01-02"),
    ("2026-12-21", "Ich bin im Mutterschutz und ab September 2027 wieder da.", "2027-09-01"),
    ("2026-12-21", "Ich bin bis voraussichtlich 15. Januar krankgeschrieben.", "2027-01-16"),
    (
        "2026-12-24",
        "Unser Büro ist vom 24.12.2026 bis zum 01.01.2027 nicht besetzt. Ab Montag, den 04.01.2027 sind "
        "wir wieder erreichbar.",
        "2027-01-04",
    ),
]
NOT_TOLD = [
    ("2026-12-22", "I am out of the office until 03/01/2027."),
    ("2026-12-22", "Ich bin in den Ferien bis Januar."),
    ("2026-12-22", "Die Praxis ist Montag bis Freitag geschlossen."),
    ("2026-12-22", "Ich bin bis Mitte Januar im Urlaub."),
    ("2026-12-22", "Ich bin derzeit nicht im Büro."),
    ("2026-12-22", "Ich bin bis Montag, 6. Januar 2027 weg und nicht da."),
    ("2026-12-12", "Ich bin bis 10. Dezember im Urlaub."),
    ("2026-12-22", "Ich bin bis 07.01.2026 im Urlaub."),
    ("2026-12-22", "Ab dem 21.12. sind wir im Urlaub."),
    ("2026-10-03", "Ich bin vom 24.12. bis 2.1. im Urlaub."),
    ("2026-12-24", "Bis 18 Uhr sind wir da. Sprechzeiten Montag bis Freitag 8.30-12.00 Uhr, im Urlaub nicht"),
    ("2026-12-24", "ich bin am 29. Februar 2027 zurück"),
    ("2026-08-03", "Ich bin heute und morgen nicht da."),
    ("2026-12-21", "Am 24.12. und 31.12. bleibt die Praxis geschlossen."),
    ("2026-12-21", "Ab 01.02.2027 haben wir eine neue Telefonnummer."),
]
MONTHS = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
]
days = st.dates(date(2026, 1, 1), date(2031, 12, 31))
ahead = st.integers(1, 250).map(timedelta)


@pytest.mark.parametrize(("written", "text", "back"), TOLD)
def test_the_day_of_return_is_read(written: str, text: str, back: str) -> None:
    assert back_on(text, day(written)) == day(back)


@pytest.mark.parametrize(("written", "text"), NOT_TOLD)
def test_what_is_not_plainly_said_is_not_read(written: str, text: str) -> None:
    assert back_on(text, day(written)) is None


def test_the_subject_may_say_it() -> None:
    assert back_on("Guten Tag", day("2026-12-01"), subject="Praxis geschlossen bis 12. Dezember") == day(
        "2026-12-13"
    )


@given(days, ahead)
def test_a_last_day_away_is_read_in_all_ways_to_write_it(written: date, ahead: timedelta) -> None:
    last = written + ahead
    back = last + timedelta(days=1)
    month = MONTHS[last.month - 1]
    for words in (
        f"{last:%d.%m.%Y}",
        f"{last.day}.{last.month}.",
        f"{last.day}. {month}",
        f"{last:%d.%m.%y}",
        f"{last}",
    ):
        assert back_on(f"Ich bin bis einschließlich {words} nicht im Büro.", written) == back


@given(days, ahead)
def test_a_day_of_return_is_read_in_all_ways_to_write_it(written: date, ahead: timedelta) -> None:
    back = written + ahead
    english = f"{back:%B} {back.day}"
    for text in (
        f"Ab dem {back:%d.%m.} sind wir wieder da.",
        f"I will be back on {english}.",
        f"I return on {english}, {back.year}.",
    ):
        assert back_on(text, written) == back


@given(
    st.text(st.sampled_from("bis ab wieder 0123456789./-MaiJanuar\n") | st.characters(), max_size=200), days
)
def test_what_is_read_lies_ahead_and_within_a_year(text: str, written: date) -> None:
    back = back_on(text, written)
    assert back is None or written < back <= written + timedelta(days=367)
