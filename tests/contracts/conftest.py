"""The contract that other people's tools are given."""

import json
from pathlib import Path

import pytest

from shared.config.settings import load_settings
from webapp.app import create_app


@pytest.fixture(scope="session")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenAPI document in a file, as it is without any setting."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    config = load_settings(env_file=None, app_env="testing", database_url="postgresql://nobody@localhost/no")
    document = create_app(config).openapi_schema.to_schema()
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False))
    return path
