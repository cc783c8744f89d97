"""Loading code: the garbage collector would look through all of it again and again, and find nothing."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def loading() -> Generator[None]:
    """Keep the garbage collector from what the block loads, meanwhile and later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
