from pathlib import Path

import pytest

from shared.config import Settings
from shared.config.sections import SECTIONS
from tools.reference.pages import ROOT, pages
from tools.reference.settings import meanings

PAGES = pages()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_made_from_the_code_is_as_the_code_is_now(path: str):
    assert Path(ROOT / path).read_text(encoding="utf-8") == PAGES[path], "run `make docs`"


def test_every_setting_stands_in_one_section_and_says_what_it_means():
    listed = [name for section in SECTIONS for name in section.model_fields]
    assert sorted(listed) == sorted(Settings.model_fields)
    said = {name for section in SECTIONS for name, meaning in meanings(section).items() if meaning}
    assert [name for name in listed if name not in said] == []
