import re

import pytest
from litestar.datastructures import Headers

from services.origins import Origin
from webapp.request_ids import origin_said

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NEW = re.compile(r"[0-9a-f]{32}")


def said(**headers: str) -> Origin:
    return origin_said(Headers({name.replace("_", "-"): value for name, value in headers.items()}))


def asked_with(**headers: str) -> str:
    request_id = said(**headers).request_id
    assert request_id
    return request_id


@pytest.mark.parametrize("given", ["7", "matching-2026-10-14.17", "a" * 64, "abc/def:1=2+3"])
def test_the_callers_own_id_is_kept(given: str):
    assert asked_with(x_request_id=given, traceparent=f"00-{TRACE}-00f067aa0ba902b7-01") == given


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", 'a"b', "a\nb", "ä", "-", "{x}", "a@b.example"])
def test_what_can_be_no_id_is_replaced(given: str):
    assert NEW.fullmatch(asked_with(x_request_id=given))


@pytest.mark.parametrize("version", ["00", "01", "cc"])
def test_the_trace_stands_for_an_id(version: str):
    assert asked_with(traceparent=f"{version}-{TRACE}-00f067aa0ba902b7-01") == TRACE


@pytest.mark.parametrize(
    "given",
    [
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7-01-what",
        TRACE,
    ],
)
def test_a_traceparent_that_is_none_is_passed_over(given: str):
    assert asked_with(traceparent=given) not in (TRACE, given)
    assert said(traceparent=given).traceparent is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-03", f"00-{TRACE}-00f067aa0ba902b7-03"),
        (f"01-{TRACE}-00f067aa0ba902b7-ff-later", f"00-{TRACE}-00f067aa0ba902b7-01"),
        (f"cc-{TRACE}-00f067aa0ba902b7-02", f"00-{TRACE}-00f067aa0ba902b7-00"),
    ],
)
def test_the_trace_is_kept_in_the_version_we_know(given: str, kept: str):
    assert said(traceparent=given, x_request_id="matching-17") == Origin("matching-17", kept)


def test_every_request_without_one_gets_its_own():
    assert asked_with() != asked_with()
