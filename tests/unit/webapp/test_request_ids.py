import re

import pytest
from litestar.datastructures import Headers

from webapp.request_ids import request_id_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NEW = re.compile(r"[0-9a-f]{32}")


def asked_with(**headers: str) -> str:
    return request_id_of(Headers({name.replace("_", "-"): value for name, value in headers.items()}))


@pytest.mark.parametrize("given", ["7", "matching-2026-10-14.17", "a" * 64, "abc/def:1=2+3@4"])
def test_the_callers_own_id_is_kept(given: str):
    assert asked_with(x_request_id=given, traceparent=f"00-{TRACE}-00f067aa0ba902b7-01") == given


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", 'a"b', "a\nb", "ä", "-", "{x}"])
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
        TRACE,
    ],
)
def test_a_traceparent_that_is_none_is_passed_over(given: str):
    assert asked_with(traceparent=given) not in (TRACE, given)


def test_every_request_without_one_gets_its_own():
    assert asked_with() != asked_with()
