"""New migrations hold up nobody who writes: see docs/decisions/0015."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

VERSIONS = Path(__file__).parents[2] / "migrations/versions"
FIRST_UNDER_THE_RULE = "0050"
BIG = {
    "activity",
    "anruf_emails",
    "eingang",
    "email_versuche",
    "emails",
    "event_outbox",
    "phone_calls",
    "therapists",
}
CONSTRAINTS = {"create_check_constraint", "create_foreign_key"}
CONTRACTS = {"drop_column", "drop_table", "rename_table", "create_unique_constraint"}
ALTERS = {"nullable", "type_", "new_column_name"}
BLOCKING_SQL = (
    (r"CREATE\s+(UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)", "an index without CONCURRENTLY"),
    (r"ADD\s+CONSTRAINT(?!.*NOT\s+VALID)", "a constraint that is not NOT VALID"),
    (r"(SET\s+NOT\s+NULL|DROP\s+COLUMN|RENAME\s|ALTER\s+COLUMN\s+\S+\s+TYPE)", "a change of what is there"),
)


def blocking(source: str) -> list[str]:
    """Return what in a migration holds up writers of big tables, or the version before, without a word."""
    tree = ast.parse(source)
    said = any(
        isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "BLOCKS" for t in node.targets)
        for node in tree.body
    )
    upgrades = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    if said or not upgrades:
        return []
    made = {name for call in _calls(upgrades[0], {"create_table"}) for name in _texts(call)[:1]}
    return [*_operations(upgrades[0], BIG - made), *_statements(tree)]


def _calls(tree: ast.AST, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
            yield node


def _texts(call: ast.Call) -> list[str]:
    return [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]


def _operations(upgrade: ast.AST, big: set[str]) -> Iterator[str]:
    for call in _calls(upgrade, {"create_index", "alter_column"} | CONSTRAINTS | CONTRACTS):
        assert isinstance(call.func, ast.Attribute)
        name, given = call.func.attr, {keyword.arg: keyword.value for keyword in call.keywords}
        about = big.intersection(_texts(call)[:2])
        if name == "create_index" and about and "postgresql_concurrently" not in given:
            yield f"create_index on {about} without postgresql_concurrently"
        if name in CONSTRAINTS and about and "postgresql_not_valid" not in given:
            yield f"{name} on {about} without postgresql_not_valid"
        if name in CONTRACTS or (
            name == "alter_column" and {"nullable", "type_", "new_column_name"} & set(given)
        ):
            yield f"{name} takes away what the version before uses"


def _statements(tree: ast.AST) -> Iterator[str]:
    docstrings = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            for pattern, meaning in BLOCKING_SQL:
                if re.search(pattern, node.value, re.IGNORECASE | re.DOTALL):
                    yield f"{meaning}: {node.value.strip()[:60]}"


def _has_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node) is not None


def test_no_new_migration_holds_up_writers_without_saying_so():
    new = [path for path in sorted(VERSIONS.glob("*.py")) if path.name >= FIRST_UNDER_THE_RULE]
    assert {path.name: found for path in new if (found := blocking(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("upgrade", "refused"),
    [
        ('op.create_index("ix", "emails", ["a"], schema=SCHEMA)', 1),
        ('op.create_index("ix", "emails", ["a"], postgresql_concurrently=True)', 0),
        ('op.create_index("ix", "desk_settings", ["a"])', 0),
        ('op.create_table("emails"); op.create_index("ix", "emails", ["a"])', 0),
        ('op.create_check_constraint("ck", "phone_calls", "a > 0")', 1),
        ('op.create_check_constraint("ck", "phone_calls", "a > 0", postgresql_not_valid=True)', 0),
        ('op.create_foreign_key("fk", "eingang", "emails", ["a"], ["id"])', 1),
        ('op.add_column("emails", sa.Column("neu", sa.Text))', 0),
        ('op.drop_column("emails", "alt")', 1),
        ('op.alter_column("emails", "a", nullable=False)', 1),
        ('op.alter_column("emails", "a", comment="said better")', 0),
        ('op.execute("CREATE INDEX ix ON communication_service.emails (a)")', 1),
        ('op.execute("CREATE INDEX CONCURRENTLY ix ON communication_service.emails (a)")', 0),
        ('op.execute("ALTER TABLE emails ADD CONSTRAINT ck CHECK (a > 0)")', 1),
        ('op.execute("ALTER TABLE emails ADD CONSTRAINT ck CHECK (a > 0) NOT VALID")', 0),
    ],
)
def test_what_holds_up_is_found(upgrade: str, refused: int):
    source = f'"""A migration."""\n\ndef upgrade():\n    {upgrade}\n'
    assert len(blocking(source)) == refused
    assert blocking(f'BLOCKS = "for a second: the table is small"\n{source}') == []
