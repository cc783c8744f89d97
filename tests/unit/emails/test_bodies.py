import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checks import LARGEST_BODY_BYTES, REQUIRED, SHOWS_NOTHING, TOO_LARGE
from services.emails.bodies import both_bodies, html_from_text, new_message_id
from services.emails.html_text import text_from_html
from services.errors import FieldError, InvalidInput

WORDS = st.lists(
    st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1), min_size=1, max_size=8
).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=5).map("\n".join))
def test_html_made_from_text_says_the_same_and_holds_no_markup_of_its_own(text: str):
    html = html_from_text(text)
    assert text_from_html(html).split() == text.split()
    assert set(html.replace("<p>", "").replace("</p>", "").replace("<br>", "")) & set("<>") == set()


def test_paragraphs_and_lines_stay_apart():
    assert html_from_text("a\r\nb\n\n\nc") == "<p>a<br>\nb</p>\n<p>c</p>"


async def test_given_bodies_stay_and_a_missing_one_is_made():
    assert await both_bodies("<p>a</p>", "b") == ("<p>a</p>", "b")
    assert await both_bodies("<p>a</p>", None) == ("<p>a</p>", "a")
    assert await both_bodies(None, "a < b") == ("<p>a &lt; b</p>", "a < b")
    assert await both_bodies(" \n", "b") == ("<p>b</p>", "b")
    assert await both_bodies("<p>a</p>", " \n") == ("<p>a</p>", "a")
    large = "<p>Wort</p>" * 4000
    assert (await both_bodies(large, None))[1].startswith("Wort\n\nWort")


@pytest.mark.parametrize(
    ("body_html", "body_text", "field", "message"),
    [
        (None, "\u200b", "body_text", REQUIRED),
        (" ", None, "body_text", REQUIRED),
        ("<!-- -->", None, "body_html", SHOWS_NOTHING),
        ("<p>&nbsp;\u200b</p><script>alert(1)</script>", None, "body_html", SHOWS_NOTHING),
        ("<title>Titel</title><p hidden>Vorschau</p>", "Guten Tag", "body_html", SHOWS_NOTHING),
    ],
)
async def test_a_body_that_shows_nothing_is_refused(
    body_html: str | None, body_text: str | None, field: str, message: str
):
    with pytest.raises(InvalidInput) as refused:
        await both_bodies(body_html, body_text)
    assert refused.value.fields == (FieldError(field, message),)


async def test_a_picture_is_something_to_see():
    assert await both_bodies("<img src='cid:1'>", None) == ("<img src='cid:1'>", "")
    assert await both_bodies("<img src='cid:1' alt='Logo'>", "\u200b") == (
        "<img src='cid:1' alt='Logo'>",
        "Logo",
    )


@pytest.mark.parametrize(
    ("body_html", "body_text", "field"),
    [(None, "<" * LARGEST_BODY_BYTES, "body_text"), ("<ul><li>x" + "<li>x" * 200_000, None, "body_html")],
)
async def test_a_derived_body_is_no_larger_than_a_given_one_may_be(
    body_html: str | None, body_text: str | None, field: str
):
    with pytest.raises(InvalidInput) as refused:
        await both_bodies(body_html, body_text)
    assert [(error.field, error.message) for error in refused.value.fields] == [(field, TOO_LARGE)]


def test_message_ids_differ_and_end_in_the_senders_domain():
    ids = {new_message_id("wir@größe.example") for _ in range(100)}
    assert len(ids) == 100
    assert all(message_id.isascii() and message_id.endswith("@xn--gre-6ka8i.example>") for message_id in ids)
