"""The garbage collector looks seldom: not while tests are collected, and then not after every 700 objects.

What is loaded by then stays, so it is not looked through again and again. `pyproject.toml` has pytest load
this before all else but `tests.bytecode`.
"""

import gc

gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
