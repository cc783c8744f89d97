"""Bytecode is kept, whatever the environment says: without it every process compiles the libraries anew.

The processes that tests start inherit that. `pyproject.toml` has pytest load this before all else.
"""

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
