import subprocess
import sys
import textwrap

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


def test_a_crash_nobody_caught_and_a_task_nobody_asked_are_logged_without_data():
    crash = f"""
        import asyncio, gc
        from shared.config.settings import load_settings
        from webapp.logs import configure_logging

        configure_logging(load_settings(env_file=None, app_env="testing"))

        async def fail():
            raise ValueError("{SECRET}")

        async def main():
            asyncio.create_task(fail())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            gc.collect()

        asyncio.run(main())
        raise KeyError("{SECRET}")
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(crash)], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert "Task exception was never retrieved" in ended.stderr
    assert "builtins.ValueError" in ended.stderr
    assert "crashed" in ended.stderr
    assert "builtins.KeyError" in ended.stderr
    assert SECRET not in ended.stderr
