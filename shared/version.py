"""Which version this is: that of the installed package, named in `pyproject.toml` and nowhere else."""

from importlib.metadata import version

VERSION = version("calldesk")
