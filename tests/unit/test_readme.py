import re
from datetime import time
from pathlib import Path

from pydantic import SecretStr

from shared.config import Settings

ROW = re.compile(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)
README = Path(__file__).parents[2] / "README.md"


def _written(default: object) -> str:
    if default is None or default == "" or isinstance(default, SecretStr):
        return ""
    if isinstance(default, tuple):
        opening, closing = default
        assert isinstance(opening, time)
        return f"`{opening:%H:%M}-{closing:%H:%M}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_configuration_table_lists_every_setting_with_its_default():
    table = {name: default for name, default, _ in ROW.findall(README.read_text())}
    settings = {name.upper(): _written(field.default) for name, field in Settings.model_fields.items()}
    assert table == settings


def test_every_file_the_readme_points_to_exists():
    links = re.findall(r"\]\((?!http)([^)#]+)", README.read_text())
    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
