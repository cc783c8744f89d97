"""Brings the viewer of the API to the version in `package.json`: `make viewer` runs this."""

import shutil
from pathlib import Path

from tests.contracts.node import installed

VENDORED = Path(__file__).parents[2] / "webapp" / "static" / "vendor" / "swagger-ui"
FILES = {
    "swagger-ui-bundle.js": "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.css": "swagger-ui.css",
    "LICENSE.txt": "LICENSE",
    "NOTICE.txt": "NOTICE",
}
"""What is kept of it, under which name of the package."""


def packaged(name: str) -> Path:
    """Return the file of the package that a vendored one is a copy of; `npm ci` has checked its hash."""
    return installed() / "node_modules" / "swagger-ui-dist" / FILES[name]


def main() -> None:
    """Copy the files."""
    for name in FILES:
        shutil.copyfile(packaged(name), VENDORED / name)


if __name__ == "__main__":
    main()
