import sys

import asyncpg
from sqlalchemy.exc import IntegrityError

from webapp.logs import trace_without_words

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
    trace = trace_without_words(info)
    assert "test_logs.py" in trace
    assert "sqlalchemy.exc.IntegrityError" in trace
    assert "CheckViolationError {'sqlstate': '23514', 'constraint_name': 'betreff'}" in trace
    assert SECRET not in trace
