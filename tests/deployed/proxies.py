"""nginx and Caddy with the configuration of `deploy/`, each in a folder of its own, on a free port."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import trustme

from tests.e2e.app_process import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
START_SECONDS = 20


def program(name: str) -> str:
    """Return where a server's program is.

    Raises:
        FileNotFoundError: it is not installed; `tests.deployed.ensure_servers` does that.
    """
    path = shutil.which(name, path=f"{os.environ['PATH']}:{SYSTEM_PATH}")
    if path is None:
        raise FileNotFoundError(name)
    return path


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


class Nginx:
    """nginx before web processes at these ports, with TLS; `root` is the application's ROOT_PATH."""

    def __init__(self, folder: Path, web_ports: Sequence[int], root: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.base_url = f"https://127.0.0.1:{self.port}"
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        certificate = authority.issue_cert("127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(folder / "desk.pem")
        certificate.private_key_pem.write_to_path(folder / "desk.key")
        (folder / "calldesk.conf").write_text(self._site(web_ports, root))
        (folder / "nginx.conf").write_text(self._main())

    def _site(self, web_ports: Sequence[int], root: str) -> str:
        site = (DEPLOY / "nginx/calldesk.conf").read_text()
        servers = "".join(f"    server 127.0.0.1:{p} max_fails=0;\n" for p in web_ports)
        site = re.sub(r"(    server 127.*\n)+", servers, site)
        site = site.replace("listen 443", f"listen 127.0.0.1:{self.port}")
        site = site.replace("/etc/ssl", str(self.folder))
        site = site.replace("location / {", f"location {root}/ {{")
        return site.replace("location = /", f"location = {root}/")

    def _main(self) -> str:
        kept = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"  {name}_temp_path {self.folder}/{name};\n" for name in kept)
        return (
            f"pid {self.folder}/nginx.pid; error_log {self.folder}/error.log; daemon off;\n"
            f"events {{}}\nhttp {{\n{temporary}  access_log off;\n"
            f"  include {self.folder}/calldesk.conf;\n}}\n"
        )

    def check(self) -> str:
        """Return what nginx says of its configuration."""
        command = [program("nginx"), "-t", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stderr

    def __enter__(self) -> Self:
        log = self.folder / "nginx.log"
        with log.open("wb") as written:
            self._process = subprocess.Popen(
                [program("nginx"), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")],
                stdout=written,
                stderr=written,
            )
        wait_for(self.port, self._process, log)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


class Caddy:
    """Caddy before web processes at these ports, without TLS."""

    def __init__(self, folder: Path, web_ports: Sequence[int]) -> None:
        self.folder = folder
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        site = (DEPLOY / "caddy/Caddyfile").read_text()
        site = site.replace("desk.example.de {", f"http://127.0.0.1:{self.port} {{")
        targets = " ".join(f"127.0.0.1:{port}" for port in web_ports)
        site = site.replace("127.0.0.1:8004 127.0.0.1:8005", targets)
        (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tgrace_period 1s\n}}\n{site}")

    def __enter__(self) -> Self:
        log = self.folder / "caddy.log"
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder), "PATH": SYSTEM_PATH}
        command = [
            program("caddy"),
            "run",
            "--config",
            str(self.folder / "Caddyfile"),
            "--adapter",
            "caddyfile",
        ]
        with log.open("wb") as written:
            self._process = subprocess.Popen(command, stdout=written, stderr=written, env=home)
        wait_for(self.port, self._process, log)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
