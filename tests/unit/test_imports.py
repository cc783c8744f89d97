"""Imports go one way: from the web to the domain to what is shared, and downwards inside the domain."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MAY_IMPORT = {
    "hours": set[str](),
    "models": {"hours"},
    "events": {"models"},
    "therapists": {"models", "hours"},
    "scheduling": {"hours", "models", "therapists"},
    "reach": {"hours", "models", "scheduling"},
    "calls": {"hours", "models", "therapists", "scheduling", "reach", "events"},
    "shifts": {"models", "scheduling"},
    "accounts": {"models", "calls"},
    "conversations": {"models", "calls", "follow_ups", "emails", "scheduling", "events"},
    "follow_ups": {"models", "therapists", "scheduling", "calls", "events"},
    "emails": {"models", "therapists", "scheduling", "calls", "follow_ups", "events"},
    "sending": {"models", "events"},
    "receiving": {"models", "therapists", "calls", "emails"},
    "privacy": {"models", "therapists", "scheduling", "calls", "events", "emails"},
}
"""What each package of `services` may know besides itself; who reads for screens may know all."""

ABOVE_ALL = {"desk"}
PACKAGES = {path.name for path in (ROOT / "services").iterdir() if (path / "__init__.py").exists()}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def imported_from(folder: str) -> set[tuple[str, str]]:
    """Return (file, imported name) of all modules below a folder."""
    return {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / folder).rglob("*.py")
        for name in imports(path)
    }


@pytest.mark.parametrize(
    ("folder", "forbidden"), [("shared", ("services", "webapp")), ("services", ("webapp", "litestar"))]
)
def test_what_is_below_knows_nothing_of_what_is_above(folder: str, forbidden: tuple[str, ...]) -> None:
    assert {(file, name) for file, name in imported_from(folder) if name.split(".")[0] in forbidden} == set()


@pytest.mark.parametrize("package", sorted(PACKAGES - ABOVE_ALL))
def test_a_package_knows_only_those_below_it(package: str) -> None:
    known = {
        (file, other)
        for file, name in imported_from(f"services/{package}")
        if name.startswith("services.") and (other := name.split(".")[1]) in PACKAGES
    }
    assert {(file, other) for file, other in known if other not in MAY_IMPORT[package] | {package}} == set()


def test_what_packages_stand_on_knows_no_package_but_the_tables_and_what_an_event_is() -> None:
    beside = {path.stem for path in (ROOT / "services").glob("*.py")} - {"__init__", "worker", "housekeeping"}
    for module in beside:
        names = [name for name in imports(ROOT / "services" / f"{module}.py") if name.startswith("services.")]
        known = {name for name in names if name.split(".")[1] in PACKAGES - {"models"}}
        assert {name for name in known if not name.startswith("services.events.types.")} == set(), module
