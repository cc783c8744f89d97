"""Spectral and Redocly find nothing to say about the two contracts; `make check-api` runs this."""

import json
import shutil
from pathlib import Path

import pytest

from tests.contracts.node import tool

SPECTRAL = "@stoplight/spectral-cli/dist/index.js"
REDOCLY = "@redocly/cli/bin/cli.js"
EVENTS = Path(__file__).parents[2] / "docs" / "reference" / "asyncapi.yaml"
CONTRACTS = ("openapi.json", "asyncapi.yaml")


@pytest.fixture(scope="module")
def folder(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contracts, and the rules they are held against: those each tool recommends, all of them."""
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copy(document, folder / "openapi.json")
    shutil.copy(EVENTS, folder / "asyncapi.yaml")
    (folder / "spectral.json").write_text(json.dumps({"extends": ["spectral:oas", "spectral:asyncapi"]}))
    (folder / "redocly.yaml").write_text(json.dumps({"extends": ["recommended"]}))
    return folder


@pytest.mark.parametrize("contract", CONTRACTS)
def test_spectral_finds_nothing(folder: Path, contract: str):
    said = tool(
        SPECTRAL, "lint", contract, "-r", "spectral.json", "-f", "json", "--fail-severity=hint", folder=folder
    )
    assert "[]" in said


@pytest.mark.parametrize("contract", CONTRACTS)
def test_redocly_finds_nothing(folder: Path, contract: str):
    said = tool(REDOCLY, "lint", contract, "--format=json", folder=folder)
    found = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert found["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}
