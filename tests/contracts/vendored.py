"""The viewer's files are those of the package, byte for byte; `make check-api` runs this."""

import pytest

from tests.contracts.viewer import FILES, VENDORED, packaged


@pytest.mark.parametrize("name", FILES)
def test_a_vendored_file_is_the_packages(name: str):
    assert (VENDORED / name).read_bytes() == packaged(name).read_bytes()


def test_nothing_else_is_vendored():
    assert {path.name for path in VENDORED.iterdir()} == FILES.keys()
