"""What a process is, who reaches it, and who may in."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from shared.config.checks import DEVELOPMENT_SECRET
from shared.config.sections.section import Section
from shared.config.values import Host, HostNames, InsecureParts, Origins, Port, Proxies, RootPath, TimeZone

FARTHEST_OFFSET = 10 * 365 * 24 * 3600


class Process(Section):
    """The process."""

    app_env: Literal["development", "testing", "production"] = "development"
    """`development`, `testing` or `production`; development leaves the JSON API open to this machine,
    production insists on a secret, secure cookies and encrypted connections."""

    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    """Signs CSRF tokens, makes the secrets of second factors; production needs 32 random characters or
    more."""

    allow_insecure: InsecureParts = ""
    """What production may do unencrypted because the network is closed: `smtp`, `kafka`, `therapists`,
    `database`, separated by commas."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """`DEBUG`, `INFO`, `WARNING` or `ERROR`; logs go to standard error, as JSON in production."""

    timezone: TimeZone = "Europe/Berlin"
    """Wall clock of the practices: call times are local to it."""

    data_dir: Path = Path(".data")
    """Where the demo's embedded servers keep their data."""

    clock_offset_seconds: Annotated[int, Field(ge=-FARTHEST_OFFSET, le=FARTHEST_OFFSET)] = 0
    """Shifts the clock; `testing` only."""


class Web(Section):
    """The web process."""

    communication_service_host: Host = "127.0.0.1"
    """Address the web process listens on."""

    communication_service_port: Port = 8004
    """Its port."""

    allowed_hosts: HostNames = ""
    """Names browsers know the desk by, `desk.example.de,...`; other `Host` headers are then refused. Loopback
    names and that of `COMMUNICATION_SERVICE_URL` always count. Empty: any, but in development only those."""

    cors_origins: Origins = ""
    """Sites whose pages may use the JSON API, `https://example.de,...`; other sites' are refused."""

    root_path: RootPath = ""
    """The path of its host that the application stands below, such as `/pult`."""

    trusted_proxies: Proxies = "127.0.0.1,::1"
    """Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses, networks."""

    access_log: bool = True
    """A line in the log for each request: method, route, status, duration."""

    max_connections: Annotated[int, Field(ge=20, le=100_000)] = 800
    """Connections a web process holds at most, a stream per open page among them."""

    api_rate_limit_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = 6_000
    """Requests a key may make in a minute, over all web processes, unless it has a limit of its own; 0: no
    limit; see docs/how-to/api-keys.md."""


class Logins(Section):
    """Logins."""

    session_hours: Annotated[int, Field(ge=1, le=720)] = 12
    """A login lasts so long at most."""

    session_idle_minutes: Annotated[int, Field(ge=5, le=43_200)] = 60
    """A login ends after so long without anybody doing something, 5 or more; what is typed stays on the
    page."""

    require_totp: bool | Literal["everybody"] = False
    """Who needs a second factor: `true` administrators, `everybody` all staff."""
