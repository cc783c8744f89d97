import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.emails.html_text import read_html, shows_something, text_from_html

LARGE = 256 * 1024
TAGS = (
    "<p></p><div><br><ul><ol></ul><li></li><table><tr><td></td></table><pre></pre><a href=x></a><img alt=w>"
    "<script></script><p hidden></body>"
)
PIECES = st.lists(
    st.one_of(
        st.sampled_from(re.findall("<[^>]*>", TAGS)),
        st.sampled_from(["<!--", "-->", "<![", "</", "<", ">", "&", "&lt;", "word", " ", "\n"]),
        st.text(max_size=3),
    ),
    max_size=40,
).map("".join)


@given(PIECES)
def test_whatever_is_sent_can_be_read(html: str):
    text = text_from_html(html)
    assert "\n\n\n" not in text
    assert not any(line.endswith(" ") for line in text.split("\n"))
    assert shows_something(html) is read_html(html).shows_something
    assert shows_something(html) or "w" not in text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<br>b</p><p>c</p>", "a\nb\n\nc"),
        ("<div>a</div>\n<div>b<br></div>c", "a\nb\nc"),
        ("a<hr>b<blockquote>c</blockquote>d", "a\n\nb\n\nc\n\nd"),
        ("<p> a <b> b</b>  c\nd </p>", "a b c d"),
        ("<pre>  a\n    b</pre>c", "  a\n    b\n\nc"),
        ("a&nbsp;&amp;&nbsp;&lt;b&gt;", "a\xa0&\xa0<b>"),
        ("Da:<ul><li>a</li><li><p>b</p></li><li></ul>", "Da:\n\n  * a\n\n  * b"),
        ("<ul><li>a<ol start=9><li>b<li>c</ol><li>d</ul>e", "  * a\n    9. b\n    10. c\n  * d\n\ne"),
        ("<ol start=x><li>a</ol>", "  1. a"),
        ("<table><tr><th>Tag<th>Zeit<tr><td>Mo<td><b>9</b></table>", "Tag  Zeit\nMo  9"),
        ("<a href='https://a.example/b'>hier</a>.", "[hier](https://a.example/b)."),
        ("<a href='mailto:x@y.de'>x@y.de</a> <a href='tel:1'>1</a> <a>n</a>", "x@y.de 1 n"),
        ("<a href='https://a.example'><img src=b></a> <a href='#x'></a>", "https://a.example"),
        ("<a href='https://a.example'><img src=b alt='Zum Portal'></a>", "[Zum Portal](https://a.example)"),
        ("<title>t</title><style>p{}</style>a<script>alert(1)</script>", "a"),
        ("<div style='color:red;DISPLAY : none'>a<br><div>b</div></div>c<p hidden>d", "c"),
        ("<?xml version='1.0' encoding='latin-1'?><meta charset=utf-16>Grüße", "Grüße"),
    ],
)  # fmt: skip
def test_what_is_seen_is_said_in_the_same_order_and_lines(html: str, text: str):
    assert text_from_html(html) == text


@pytest.mark.parametrize(
    "hiding",
    [
        "hidden",
        "hidden=until-found",
        "style='display:none'",
        "style='color:red;DISPLAY : None ! important'",
        "style='display/* a */:none'",
        "style='visibility:hidden'",
        "style='visibility: collapse'",
        "style='opacity:0'",
        "style='opacity: 0.0'",
        "style='mso-hide:all'",
        "style='max-height:0;overflow:hidden'",
        "style='overflow: hidden; max-height: 0px; max-width: 0px'",
        "style='height:0;overflow-y:clip'",
        "style='font-size:0'",
        "style='FONT-SIZE: 0.0em'",
        "style='font:0/0 a'",
        "style='position:absolute;left:-9999px'",
        "style='text-indent:-1000px'",
    ],
)
def test_what_is_hidden_is_not_said(hiding: str):
    assert text_from_html(f"<p>a</p><div {hiding}>x<p>y <b>z</b></p></div>b") == "a\n\nb"
    assert text_from_html(f"a<span {hiding}>x <i style='color:red'>y</i></span>b") == "ab"
    assert not shows_something(f"<div {hiding}>x</div>")


@pytest.mark.parametrize(
    "html",
    [
        "<div style='font-size:0;padding:9px'><p style='font-size:16px'>a</p></div>",
        "<td style='font-size:0px'><div style='font: bold 16px/1.5 Arial'>a</div>",
        "<td style='font-size:0px'><img src=x alt=a>",
        "<div style='font-size:0'><p style='font-size:1em'>x</p><p style='font-size:medium'>a</p></div>",
        "<div style='visibility:hidden'>x<p style='visibility:visible'>a</p><img alt=x></div>",
        "<div style='max-height:0'>a</div>",
        "<div style='overflow:hidden;height:100px;opacity:0.9'>a</div>",
        "<div style='max-height:0.5px;overflow:hidden'>a</div>",
        "<div style='margin:0;left:-5px;display:block'>a</div>",
        "<div style='display:none'>x</div>a",
        "<xml><o:OfficeDocumentSettings><o:AllowPNG/>96</o:OfficeDocumentSettings></xml>a",
        "<head><xml><w:View>Normal</w:View></xml></head><body>a",
        "<!--[if gte mso 9]><xml><o:P>96</o:P></xml><![endif]-->a",
        "<!--[if mso]>x<![endif]--><!--[if !mso]><!-->a<!--<![endif]-->",
    ],
)
def test_what_can_be_seen_is_said_though_something_around_or_beside_it_is_hidden(html: str):
    assert text_from_html(html) == "a"


def test_a_button_that_only_outlook_replaces_is_said():
    assert text_from_html("<a href='https://a.example' style='mso-hide:all'>Antworten</a>") == (
        "[Antworten](https://a.example)"
    )


@pytest.mark.parametrize(
    "padding", ["&zwnj;&nbsp;", "&#847; &zwnj; &nbsp; &#8199; ", "&shy;", "&#8203;", "&#65279;\n", "\u034f "]
)
def test_padding_after_a_preheader_is_not_said(padding: str):
    html = f"<div>Kurz gesagt{padding * 40}</div><p>Guten{padding * 3}Tag</p>"
    assert text_from_html(html) == "Kurz gesagt\n\nGuten Tag"


def test_a_single_letter_nobody_sees_stays_in_its_word():
    assert text_from_html("Psycho&shy;thera&shy;pie 👩\u200d⚕ می\u200cخواهم") == (
        "Psycho\xadthera\xadpie 👩\u200d⚕ می\u200cخواهم"
    )


@pytest.mark.parametrize(
    "html",
    [
        "<p style='margin-top:" + "9" * 400 + "em'>x",
        "<p style='margin-top:1000000000em;padding-left:1000000000em'>x",
        "<div>" * 20_000 + "x",
        "<table><tr><td>" * 20_000 + "x",
        "<ul><li>" * 20_000 + "x",
        "<a href=y>" * 20_000 + "x",
        "<p hidden>" * 20_000 + "</p>" * 20_000 + "x",
        "</" * 20_000 + ">x",
    ],
)
def test_neither_styles_nor_nesting_lose_the_text_or_inflate_it(html: str):
    assert text_from_html(html).removesuffix("](y)").endswith("x")
    assert len(text_from_html(html)) < 20
    assert shows_something(html)


@pytest.mark.parametrize(
    "html",
    [
        "<table><tr><td>" + "a" * 100_000 + "</td></tr>" + "<tr><td>b</td></tr>" * 10_000 + "</table>",
        "<ul><li>x" * (LARGE // 9),
        "<ol start=999999>" * 9 + "<li>x" * (LARGE // 5),
        "<a href=x>y" * (LARGE // 11),
        "<td>x" * (LARGE // 5),
        "<p>" + "[" * LARGE,
        "[a](" * (LARGE // 4),
        "<" * LARGE,
        "<br>x" * (LARGE // 5),
        "&nbsp;" * (LARGE // 6) + "x",
        ("&shy;&shy;" + "&nbsp;" * 1_000) * (LARGE // 6_010) + "x",
        "<p style='" + "/*" * LARGE + "'>x",
        "<p style='opacity:" + "0" * LARGE + "x!'>x",
        "<p style='font:" + "1" * LARGE + "'>x",
        "<p style='font:" + " 0" * LARGE + "'>x",
        "<p style='" + ";:" * LARGE + "'>x",
    ],
)
def test_a_text_is_as_long_as_its_html_at_most_a_few_times(html: str):
    assert len(text_from_html(html)) <= 4 * len(html)


@pytest.mark.parametrize(
    ("html", "seen"),
    [
        ("", False),
        ("<!-- -->", False),
        ("<p>&nbsp;\u200b\xad</p>", False),
        ("<p hidden><img src=a></p><div style='display:none'>a</div>", False),
        ("<script>a</script>", False),
        ("<p>\u200b</p>", False),
        ("<p>&#xad;", False),
        ("\n<div><p>A", True),
        ("<div>\u200b<p>A", True),
        ("<img src=a>", True),
        ("<p>" * 20_000 + "&#x41;", True),
        (" " * 40_000 + "ä" * 40_000, True),
    ],
)
def test_something_is_shown_when_a_word_or_a_picture_is(html: str, seen: bool):
    assert shows_something(html) is read_html(html).shows_something is seen


def test_lines_of_a_quotation_are_marked_where_asked_for() -> None:
    html = "<p>Ja</p><blockquote>Wann?<br>Wo?<ul><li>hier</li></ul></blockquote><p>Gern</p>"
    assert text_from_html(html) == "Ja\n\nWann?\nWo?\n\n  * hier\n\nGern"
    marked = text_from_html(html, mark_quotations=True)
    assert marked == "Ja\n\n> Wann?\n> Wo?\n\n>   * hier\n\nGern"


@pytest.mark.parametrize("style", ["border:none", "margin: 0 0 0 40px; border : 0"])
def test_an_indent_is_no_quotation(style: str) -> None:
    html = f'<blockquote style="{style}">Ja</blockquote>'
    assert text_from_html(html, mark_quotations=True) == "Ja"


def test_a_quotation_that_never_ends_or_never_began_is_marked_no_further() -> None:
    assert text_from_html("</blockquote>Ja<blockquote>Wann?", mark_quotations=True) == "Ja\n\n> Wann?"
