"""Pages that are made from the code: `python -m tools.reference` writes them, a test compares."""
