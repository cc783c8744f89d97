"""Templates stay compiled from one process to the next, beside them, as Python does it with modules."""

import sys
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError

import jinja2
from jinja2.bccache import Bucket

HALF_WRITTEN = (
    OSError,
    UnpicklingError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    TypeError,
    ValueError,
)
"""How reading fails what a crash has left: Jinja puts a pickle before the code."""


class CompiledTemplates(jinja2.FileSystemBytecodeCache):
    """Compiled templates in a folder; where none can be written, every process compiles them anew.

    Args:
        folder: where they are, made when missing.
        made_by: the module that says how they are compiled: when it changes, all are compiled anew.
    """

    def __init__(self, folder: Path, made_by: Path) -> None:
        super().__init__(str(folder), "template_%s.cache")
        self._how = f"{jinja2.__version__} {made_by.read_text()}"

    def get_source_checksum(self, source: str) -> str:
        """Return what tells a template from others, and from itself compiled otherwise."""
        return super().get_source_checksum(self._how + source)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take a compiled template, if there is one that can be read."""
        try:
            super().load_bytecode(bucket)
        except HALF_WRITTEN:
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template, unless Python is to write no bytecode or nobody may write there."""
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)
