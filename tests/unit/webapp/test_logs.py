import sys

import asyncpg
from sqlalchemy.exc import IntegrityError

from webapp.logs import trace_without_data

SECRET = "praxis@example.org"


def test_a_trace_says_where_and_what_kind_but_quotes_no_data():
    try:
        try:
            error = asyncpg.CheckViolationError(f"Failing row contains ({SECRET})")
            error.constraint_name = "betreff"
            raise error
        except asyncpg.CheckViolationError as cause:
            raise IntegrityError("INSERT", {"betreff": SECRET}, cause) from cause
    except IntegrityError:
        info = sys.exc_info()
    assert info[1] is not None
    trace = trace_without_data(info)
    assert "test_logs.py" in trace
    assert "sqlalchemy.exc.IntegrityError" in trace
    assert "CheckViolationError {'sqlstate': '23514', 'constraint_name': 'betreff'}" in trace
    assert SECRET not in trace


def test_a_trace_is_short_and_begins_with_its_reason():
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        raise RuntimeError("the event loop is closed")

    try:
        deep(200)
    except RuntimeError:
        info = sys.exc_info()
    assert info[1] is not None
    trace = trace_without_data(info)
    assert trace.startswith("builtins.RuntimeError: the event loop is closed\n")
    assert len(trace) < 1000
