import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.email_content import both_bodies, html_from_text, new_message_id, text_from_html

WORDS = st.lists(
    st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1), min_size=1, max_size=8
).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=5).map("\n".join))
def test_html_made_from_text_says_the_same_and_holds_no_markup_of_its_own(text: str):
    html = html_from_text(text)
    assert text_from_html(html).split() == text.split()
    assert set(html.replace("<p>", "").replace("</p>", "").replace("<br>", "")) & set("<>") == set()


@given(st.text(max_size=200))
def test_any_text_and_any_html_can_be_turned(text: str):
    html_from_text(text)
    text_from_html(text)


def test_paragraphs_and_lines_stay_apart():
    assert html_from_text("a\r\nb\n\n\nc") == "<p>a<br>\nb</p>\n<p>c</p>"
    assert text_from_html("<p>a<br>b</p><p>c</p>") == "a\nb\n\nc"


def test_links_keep_their_targets_and_scripts_and_styles_say_nothing():
    html = (
        "<style>p{}</style><p><a href='https://a.example/b'>hier</a> <a href='mailto:x@y.de'>x@y.de</a></p>"
    )
    assert text_from_html(html + "<script>alert(1)</script>") == "[hier](https://a.example/b) x@y.de"


async def test_given_bodies_stay_and_a_missing_one_is_made():
    assert await both_bodies("<p>a</p>", "b") == ("<p>a</p>", "b")
    assert await both_bodies("<p>a</p>", None) == ("<p>a</p>", "a")
    assert await both_bodies(None, "a < b") == ("<p>a &lt; b</p>", "a < b")
    assert await both_bodies(" \n", "b") == ("<p>b</p>", "b")
    assert await both_bodies("<p>a</p>", " \n") == ("<p>a</p>", "a")
    large = "<p>Wort</p>" * 4000
    assert (await both_bodies(large, None))[1].startswith("Wort\n\nWort")


@pytest.mark.timeout(20)
def test_a_body_full_of_brackets_takes_no_longer_than_another():
    assert text_from_html("<p>" + "[" * 1024 * 1024) == "[" * 1024 * 1024
    assert text_from_html("<p>" + "[a](" * 200_000).startswith("[a](")


def test_message_ids_differ_and_end_in_the_senders_domain():
    ids = {new_message_id("wir@größe.example") for _ in range(100)}
    assert len(ids) == 100
    assert all(message_id.isascii() and message_id.endswith("@xn--gre-6ka8i.example>") for message_id in ids)
