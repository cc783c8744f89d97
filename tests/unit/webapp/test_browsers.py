import pytest

from webapp.browsers import browser_name

MOZILLA = "Mozilla/5.0 "
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (MOZILLA + "(Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/149.0", "Firefox, Windows"),
        (MOZILLA + f"(Windows NT 10.0) {WEBKIT} Safari/537.36 Edg/148.0", "Edge, Windows"),
        (MOZILLA + f"(Linux; Android 16) {WEBKIT} Mobile Safari/537.36", "Chrome, Android"),
        (MOZILLA + "(iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Safari/604.1", "Safari, iPhone"),
        (MOZILLA + "(Macintosh; Intel Mac OS X 10_15_7) Version/26.0 Safari/605.1.15", "Safari, macOS"),
        ("curl/8.9", ""),
        ("", ""),
    ],
)
def test_a_browser_is_called_what_people_call_it(agent: str, name: str):
    assert browser_name(agent) == name
