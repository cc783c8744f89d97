"""One SMTP connection, reused for many messages (RFC 5321).

aiosmtplib speaks the protocol; the order of the steps and the boundaries are ours, because its `sendmail`
raises the same exceptions before the server's 354 and after the final dot.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TypeVar, cast

import aiosmtplib
from aiosmtplib import SMTPResponse
from aiosmtplib.protocol import SMTPProtocol

from services.models import AttemptStage, Ending
from services.sending.message import OutgoingMessage
from services.sending.options import SmtpOptions
from services.sending.verdict import DeliveryResult, readable
from shared.config.values import address_literal

Answer = TypeVar("Answer")

BeforeData = Callable[[], Awaitable[bool]]
"""Awaited before DATA; False forbids it."""

ONE_WRITE = 65_536
FLUSH_SECONDS = 0.005
ALIVE_SECONDS = 5
QUIT_SECONDS = 2
IDLE_CHECK_SECONDS = 10
START_INPUT = 354

UNNAMED = "localhost"
"""Never said; without a name aiosmtplib would ask the DNS for one."""


class _Refused(Exception):
    """The server's reply ends this attempt."""

    def __init__(self, reply: SMTPResponse) -> None:
        self.reply = reply


class _NeedsUtf8(Exception):
    """The message has addresses that this server can't take."""


class _NotPermitted(Exception):
    """DATA was forbidden, or its permission didn't come in time."""


class SmtpConnection:
    """Delivers one message at a time; connects when it has to, and drops the connection on any doubt."""

    def __init__(self, options: SmtpOptions) -> None:
        self._options = options
        self._smtp: aiosmtplib.SMTP | None = None
        self._tls: ssl.SSLContext | None = None
        self._delivered = 0
        self._needs_reset = False
        self._last_used = 0.0
        self._asking = False
        self._let_in = False
        self.stage = AttemptStage.CONNECT

    @property
    def is_open(self) -> bool:
        """Whether a connection stands."""
        return self._smtp is not None

    @property
    def stands(self) -> bool:
        """Whether the mail server has let this connection in and, as far as is known, has not closed it."""
        return self._let_in and self._smtp is not None and self._smtp.is_connected

    async def deliver(self, message: OutgoingMessage, before_data: BeforeData) -> DeliveryResult:
        """Try to hand over one message within the deadline; every trouble is a result, none is raised.

        `before_data` has been awaited and answered True before the server gets DATA.
        """
        result = await self._in_words(self._attempt(message, before_data))
        if isinstance(result, DeliveryResult):
            return result
        self.stage = AttemptStage.ACCEPTED
        self._last_used = asyncio.get_running_loop().time()
        return self._result(Ending.REPLY, result)

    async def knock(self) -> DeliveryResult:
        """Connect and log in as before a message, and send none; a result without a code is success."""
        result = await self._in_words(self._open())
        return result if isinstance(result, DeliveryResult) else self._result(Ending.REPLY)

    async def _in_words(self, step: Coroutine[object, object, Answer]) -> Answer | DeliveryResult:
        """Return what a step does within the deadline, or what kept it from that."""
        try:
            async with asyncio.timeout(self._options.deadline):
                return await step
        except _Refused as refusal:
            return self._refused(refusal.reply)
        except _NeedsUtf8:
            return self._result(Ending.UNBUILDABLE, text="the mail server does not offer SMTPUTF8")
        except _NotPermitted:
            self._needs_reset = True
            return self._result(Ending.ABANDONED)
        except aiosmtplib.SMTPResponseException as error:
            return self._refused(SMTPResponse(error.code, error.message))
        except TimeoutError:
            self.drop()
            return self._result(Ending.ABANDONED if self._asking else Ending.TIMEOUT)
        except (OSError, aiosmtplib.SMTPException) as error:
            self.drop()
            return self._broken(error)
        except asyncio.CancelledError:
            self.drop()
            raise

    async def close(self) -> None:
        """Say goodbye and close; what the server makes of it doesn't matter."""
        if self._smtp is not None:
            with suppress(OSError, TimeoutError, aiosmtplib.SMTPException):
                async with asyncio.timeout(QUIT_SECONDS):
                    await self._smtp.quit()
        self.drop()

    def drop(self) -> None:
        """Close without a word; what is still unsent is thrown away."""
        if self._smtp is not None:
            transport = cast("asyncio.WriteTransport | None", self._smtp.transport)
            if transport is not None:
                transport.abort()
            self._smtp.close()
        self._smtp = None
        self._let_in = False

    async def _attempt(self, message: OutgoingMessage, before_data: BeforeData) -> SMTPResponse:
        smtp = await self._begin(message)
        self.stage = AttemptStage.RCPT
        _expect_ok(await smtp.execute_command(b"RCPT", b"TO:<" + message.recipient.encode() + b">"))
        self._asking = True
        if not await before_data():
            raise _NotPermitted
        self._asking = False
        self.stage = AttemptStage.DATA
        reply = await smtp.execute_command(b"DATA")
        if reply.code != START_INPUT:
            raise _Refused(reply)
        if smtp.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        reply = await self._send_content(smtp.protocol, message.content)
        self._delivered += 1
        return _expect_ok(reply)

    async def _begin(self, message: OutgoingMessage) -> aiosmtplib.SMTP:
        """Open the envelope; on a connection that turns out to be stale, once more on a new one."""
        self._asking = False
        self.stage = AttemptStage.CONNECT
        reused = await self._usable()
        if reused is not None:
            try:
                reply = await self._mail(reused, message)
            except (OSError, aiosmtplib.SMTPServerDisconnected):
                reply = None
            if reply is not None and reply.code != 421:
                _expect_ok(reply)
                return reused
            self.drop()
        smtp = await self._open()
        _expect_ok(await self._mail(smtp, message))
        return smtp

    async def _mail(self, smtp: aiosmtplib.SMTP, message: OutgoingMessage) -> SMTPResponse:
        self.stage = AttemptStage.MAIL
        options = [f"SIZE={len(message.content)}".encode("ascii")] if smtp.supports_extension("size") else []
        if message.needs_utf8:
            if not smtp.supports_extension("smtputf8"):
                raise _NeedsUtf8
            options.append(b"SMTPUTF8")
        return await smtp.execute_command(b"MAIL", b"FROM:<" + message.sender.encode() + b">", *options)

    async def _usable(self) -> aiosmtplib.SMTP | None:
        """Return the standing connection if it answers and has messages left, else close it."""
        smtp = self._smtp
        if smtp is None:
            return None
        if self._delivered >= self._options.messages_per_connection:
            await self.close()
            return None
        idle = asyncio.get_running_loop().time() - self._last_used
        if not self._needs_reset and idle <= IDLE_CHECK_SECONDS:
            return smtp
        try:
            async with asyncio.timeout(ALIVE_SECONDS):
                await (smtp.rset() if self._needs_reset else smtp.noop())
        except (OSError, TimeoutError, aiosmtplib.SMTPException):
            self.drop()
            return None
        self._needs_reset = False
        return smtp

    async def _open(self) -> aiosmtplib.SMTP:
        options = self._options
        self.stage = AttemptStage.CONNECT
        if options.security != "none" and self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context, cafile=options.ca_file)
        smtp = aiosmtplib.SMTP(
            hostname=options.host,
            port=options.port,
            local_hostname=UNNAMED,
            timeout=None,
            use_tls=options.security == "tls",
            start_tls=False,
            tls_context=self._tls,
        )
        self._smtp, self._delivered, self._needs_reset = smtp, 0, False
        await smtp.connect()
        await self._greet(smtp)
        if options.security == "starttls":
            self.stage = AttemptStage.TLS
            await smtp.starttls()
            await self._greet(smtp)
        if options.username is not None:
            self.stage = AttemptStage.LOGIN
            await smtp.login(options.username, options.password or "")
        self._let_in = True
        return smtp

    async def _greet(self, smtp: aiosmtplib.SMTP) -> None:
        """Say who we are: a full name or an address, for nothing else is allowed (RFC 5321, 4.1.1.1)."""
        name = self._options.helo_name or address_literal(smtp.get_transport_info("sockname")[0])
        try:
            await smtp.ehlo(hostname=name)
        except aiosmtplib.SMTPHeloError:
            if not smtp.is_connected:
                raise
            await smtp.helo(hostname=name)

    async def _send_content(self, protocol: SMTPProtocol, content: bytes) -> SMTPResponse:
        """Send the content and the final dot.

        The stage becomes BODY with the write that holds the dot. A big message's dot is a write of its own,
        after the content has left: a connection lost, or the message refused, before that can't have
        delivered anything.
        """
        data = content.replace(b"\r\n.", b"\r\n..")
        if data.startswith(b"."):
            data = b"." + data
        if len(data) > ONE_WRITE:
            return await self._send_big_content(protocol, data)
        protocol.write(data + b".\r\n")
        self.stage = AttemptStage.BODY
        return await protocol.read_response()

    async def _send_big_content(self, protocol: SMTPProtocol, data: bytes) -> SMTPResponse:
        reply = asyncio.ensure_future(protocol.read_response())
        try:
            # aiosmtplib forgets a reply that nobody waits for yet, so waiting begins before writing.
            await asyncio.sleep(0)
            protocol.write(data)
            await _flushed(protocol, until=reply)
            if reply.done():
                refusal = await reply
                self.drop()
                raise _Refused(refusal)
            protocol.write(b".\r\n")
            self.stage = AttemptStage.BODY
            return await reply
        finally:
            reply.cancel()

    def _refused(self, reply: SMTPResponse) -> DeliveryResult:
        if not 200 <= reply.code <= 599:
            self.drop()
            return self._result(Ending.GARBLED, text=reply.message)
        if reply.code < 400:
            self.drop()
            return self._result(Ending.GARBLED, reply)
        if reply.code == 421 or self.stage in (AttemptStage.CONNECT, AttemptStage.TLS, AttemptStage.LOGIN):
            self.drop()
        self._needs_reset = True
        self._last_used = asyncio.get_running_loop().time()
        return self._result(Ending.REPLY, reply)

    def _broken(self, error: Exception) -> DeliveryResult:
        insecure = next((e for e in (error, error.__cause__) if isinstance(e, ssl.SSLError)), None)
        if insecure is not None and self.stage in (AttemptStage.CONNECT, AttemptStage.TLS):
            self.stage = AttemptStage.TLS
            return self._result(Ending.INSECURE, text=str(insecure))
        if isinstance(error, OSError):
            return self._result(Ending.LOST, text=str(error))
        if self.stage is AttemptStage.TLS:
            return self._result(Ending.INSECURE, text=str(error))
        return self._result(Ending.UNCONFIGURED, text=str(error))

    def _result(self, ending: Ending, reply: SMTPResponse | None = None, *, text: str = "") -> DeliveryResult:
        if reply is None:
            return DeliveryResult(self.stage, ending, text=readable(text))
        return DeliveryResult(self.stage, ending, reply.code, readable(reply.message))


def _expect_ok(reply: SMTPResponse) -> SMTPResponse:
    if not 200 <= reply.code <= 299:
        raise _Refused(reply)
    return reply


async def _flushed(protocol: SMTPProtocol, *, until: asyncio.Future[SMTPResponse]) -> None:
    """Wait until all that was written has left, or a reply has come."""
    transport = cast("asyncio.WriteTransport | None", protocol.transport)
    while transport is not None and not transport.is_closing() and transport.get_write_buffer_size():
        await asyncio.wait([until], timeout=FLUSH_SECONDS)
        if until.done():
            return
