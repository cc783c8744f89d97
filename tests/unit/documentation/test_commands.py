"""Every command the documents show can be given: all that it names exists.

What needs a server is not started. Requests with curl are sent in `tests/integration/api/test_documented.py`.
"""

import ast
import importlib
import os
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from shared.config import Settings
from tests.unit.documentation.documents import DOCUMENTS, ROOT, Command, commands, fences, spans
from webapp.cli import cli

MAKEFILES = (ROOT / "Makefile", *ROOT.glob("tests/**/*.mk"))
TARGETS = {name for file in MAKEFILES for name in re.findall(r"^([\w-]+):", file.read_text(), re.MULTILINE)}
FOLDERS = "benchmarks|clients|deploy|docs|migrations|services|shared|tests|tools|webapp"
FILE = re.compile(rf"(?:{FOLDERS})/[\w./-]+\.\w+")
SETTING = re.compile(r"^([A-Z][A-Z0-9]*_[A-Z0-9_]+)=", re.MULTILINE)
OF_TESTS = {"TEST_KAFKA_BOOTSTRAP"}

NOT_OURS = {"caddy", "curl", "docker", "ls", "nginx", "pg_dump", "pip", "python", "python3", "rm", "uv"}
"""Programs of which only the files of ours that they are given are looked at."""

COMMANDS = [command for document in DOCUMENTS for command in commands(document)]


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_can_be_given(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if command.program == "calldesk":
        monkeypatch.chdir(tmp_path)
        (tmp_path / ".data").mkdir()
        (tmp_path / ".data/demo.env").touch()
        answer = CliRunner().invoke(cli, [*command.arguments, "--help"])
        assert answer.exit_code == 0, answer.output
    elif command.program == "make":
        assert {word for word in command.arguments if "=" not in word} <= TARGETS
    elif "/" in command.program:
        assert os.access(ROOT / command.program, os.X_OK)
    else:
        assert command.program in NOT_OURS, "say here how it is tried"
    ours = [word for word in command.arguments if word.startswith(("./", "requirements"))]
    assert [word for word in ours if not (ROOT / word).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_files_and_settings_that_are_named_exist(document: Path):
    texts = [*spans(document), *fences(document, "", "sh", "env")]
    files = {span for span in spans(document) if FILE.fullmatch(span)}
    assert {file for file in files if not (ROOT / file).exists()} == set()
    named = {name for text in texts for name in SETTING.findall(text)}
    assert named <= {name.upper() for name in Settings.model_fields} | OF_TESTS


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_code_can_be_read_and_what_it_imports_is_there(document: Path):
    for code in fences(document, "python"):
        tree = compile(code, name_of(document), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shared."):
                module = importlib.import_module(str(node.module))
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
    for text in fences(document, "yaml"):
        assert yaml.safe_load(text)


def test_commands_are_found():
    shown = {str(command) for command in COMMANDS}
    assert "README.md: make run" in shown
    assert len([command for command in COMMANDS if command.program == "curl"]) == 5
