"""Dovecot itself over one Maildir, on a port it keeps; killed and restarted at will, by any user."""

import asyncio
import grp
import os
import pwd
import signal
import socket
import subprocess
import time
from pathlib import Path
from uuid import uuid4

import trustme

from tests.eventually import eventually
from tests.mailbox.mail_server import MailServer

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
USERNAME = "desk"
PASSWORD = "geheim-ß"
START_SECONDS = 15

CONFIGURATION = """
base_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
"""


class RealDovecot(MailServer):
    """Keeps its mail over restarts."""

    username = USERNAME
    password = PASSWORD
    keeps_mail = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.tls_port = _free_port(), _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("tmp", "new", "cur"):
            (folder / "mail" / name).mkdir(parents=True)
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        for part in certificate.cert_chain_pems:
            part.write_to_path(folder / "cert.pem", append=True)
        self._owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self._configuration = folder / "dovecot.conf"
        self._configuration.write_text(
            CONFIGURATION.format(
                folder=folder,
                user=self._owner.pw_name,
                group=grp.getgrgid(self._owner.pw_gid).gr_name,
                uid=self._owner.pw_uid,
                gid=self._owner.pw_gid,
                password=PASSWORD,
                port=self.port,
                tls_port=self.tls_port,
            )
        )
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    async def start(self) -> None:
        """Start and wait until it answers."""
        self._process = subprocess.Popen(  # noqa: ASYNC220
            ["dovecot", "-F", "-c", self._configuration],
            env={**os.environ, "PATH": PATH},
            user=self._owner.pw_uid,
            group=self._owner.pw_gid,
            extra_groups=[] if os.getuid() == 0 else None,
            start_new_session=True,
        )

        async def answers() -> bool:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                greeting = await reader.readline()
            except OSError:
                return False
            writer.close()
            return greeting.startswith(b"* OK")

        await eventually(answers, within=START_SECONDS)

    async def stop(self) -> None:
        """End it as a power cut would, with all its connections."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.wait)

    async def deliver(self, *messages: bytes) -> None:
        """Put messages into the INBOX as a delivery agent does."""
        for message in messages:
            name = f"{time.time_ns()}.{uuid4().hex}.test"
            unfinished = self.folder / "mail" / "tmp" / name
            unfinished.write_bytes(message.replace(b"\r\n", b"\n"))
            os.chown(unfinished, self._owner.pw_uid, self._owner.pw_gid)
            unfinished.rename(self.folder / "mail" / "new" / name)

    async def become_another(self) -> None:
        """Give the INBOX another UIDVALIDITY."""
        await self._doveadm("mailbox", "update", "-u", USERNAME, "--uid-validity", "4711", "INBOX")

    async def _doveadm(self, *arguments: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run,
            ["doveadm", "-c", self._configuration, *arguments],
            env={**os.environ, "PATH": PATH},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
