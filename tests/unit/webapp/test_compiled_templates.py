"""What one process has compiled, the next takes; whatever is wrong with that, the page is shown."""

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from webapp.compiled_templates import CompiledTemplates


class Fails(Environment):
    def compile(self, *_: object, **__: object):
        raise AssertionError("compiled again")


@pytest.fixture
def made_by(tmp_path: Path) -> Path:
    module = tmp_path / "templating.py"
    module.write_text("as it is")
    return module


def page(
    folder: Path, made_by: Path, source: str = "{{ 1 + 1 }}", kind: type[Environment] = Environment
) -> str:
    environment = kind(loader=DictLoader({"page": source}), bytecode_cache=CompiledTemplates(folder, made_by))
    return environment.get_template("page").render()


def test_a_template_is_compiled_once(tmp_path: Path, made_by: Path):
    assert page(tmp_path / "kept", made_by) == "2"
    assert page(tmp_path / "kept", made_by, kind=Fails) == "2"


def test_a_changed_template_is_compiled_anew(tmp_path: Path, made_by: Path):
    page(tmp_path / "kept", made_by)
    assert page(tmp_path / "kept", made_by, "{{ 2 + 2 }}") == "4"


def test_all_are_compiled_anew_where_that_is_done_otherwise(tmp_path: Path, made_by: Path):
    page(tmp_path / "kept", made_by)
    made_by.write_text("otherwise")
    with pytest.raises(AssertionError):
        page(tmp_path / "kept", made_by, kind=Fails)


def test_none_are_kept_where_nobody_can_write(tmp_path: Path, made_by: Path):
    assert page(tmp_path / "no" / "where", made_by) == "2"
    assert page(made_by, made_by) == "2"


def test_none_are_kept_where_python_keeps_none(
    tmp_path: Path, made_by: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert page(tmp_path / "kept", made_by) == "2"
    assert not (tmp_path / "kept").exists()


def test_what_a_crash_has_left_is_made_anew(tmp_path: Path, made_by: Path):
    page(tmp_path / "kept", made_by)
    [kept] = (tmp_path / "kept").iterdir()
    for length in range(0, kept.stat().st_size, 7):
        kept.write_bytes(kept.read_bytes()[:length])
        assert page(tmp_path / "kept", made_by) == "2"
