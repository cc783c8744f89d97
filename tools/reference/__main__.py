"""Write every page that is made from the code."""

from tools.reference.pages import ROOT, pages

for path, text in pages().items():
    (ROOT / path).write_text(text, encoding="utf-8")
