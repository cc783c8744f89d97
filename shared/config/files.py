"""Files that settings name: they are there, can be read, and hold what they should."""

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator


def require_certificates(path: Path) -> Path:
    """Return the path of a file with certificates to trust.

    Raises:
        ValueError: it can't be read, or holds none.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise ValueError(f"{path} holds no certificates in PEM format") from None
    except OSError as error:
        raise ValueError(f"{path} can't be read ({error.strerror})") from None
    return path


def require_key_pair(certificate: Path, key: Path) -> None:
    """Check a client's certificate and its key.

    Raises:
        ValueError: they can't be read, the key needs a password, or they don't belong together.
    """

    def no_password() -> str:
        raise ValueError(f"{key} needs a password: give a key without")

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, no_password)
    except ssl.SSLError:
        raise ValueError(f"{certificate} and {key} are no certificate and its key in PEM format") from None
    except OSError as error:
        raise ValueError(f"{certificate} or {key} can't be read ({error.strerror})") from None


CertificateFile = Annotated[
    Path | None,
    BeforeValidator(lambda value: value or None),
    AfterValidator(lambda path: path and require_certificates(path)),
]
