"""Styles and scripts: kept for ever under an address that changes with any of them, never of two versions."""

import re
from posixpath import join, normpath

import pytest

from tests.integration.conftest import Client
from webapp.static_files import FOLDER, STYLES, static_files, static_url

IMPORT = re.compile(r'^import (?:.* from )?"(.*)";$', re.MULTILINE)


async def test_what_a_page_loads_may_be_kept_for_ever(client: Client):
    page = (await client.get("/login")).text
    loaded = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    assert {
        static_url(name) for name in ("app.css", "js/main.js", "vendor/htmx.min.js", "icon.svg")
    } <= loaded
    for address in loaded:
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_modules_are_served_as_scripts_and_import_only_what_is_there(client: Client):
    contents = static_files().contents
    modules = {name: content.decode() for name, content in contents.items() if name.startswith("js/")}
    imported = {normpath(join("js", path)) for text in modules.values() for path in IMPORT.findall(text)}
    assert imported | {"js/main.js"} == set(modules)
    answer = await client.get(static_url("js/main.js"))
    assert answer.headers["content-type"].startswith("text/javascript")


async def test_under_the_address_of_another_version_is_this_one_and_it_is_not_kept(client: Client):
    answer = await client.get("/static/0123456789ab/js/main.js", follow_redirects=False)
    assert answer.content == static_files().contents["js/main.js"]
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["nothing.js", "%00", "../app.py", "%2e%2e/app.py", "css/tokens.css", "a" * 5000]
)
@pytest.mark.parametrize("version", ["0123456789ab", static_files().version])
async def test_what_is_not_there_is_not_kept(client: Client, version: str, name: str):
    answer = await client.get(f"/static/{version}/{name}", follow_redirects=False)
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"


def test_every_component_is_part_of_the_stylesheet_once():
    assert sorted(STYLES) == sorted(path.stem for path in (FOLDER / "css").glob("*.css"))
