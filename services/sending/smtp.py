"""One SMTP connection, reused for many messages (RFC 5321).

aiosmtplib connects, encrypts and logs in. The order of the steps after that and the boundaries are ours,
because its `sendmail` raises the same exceptions before the server's 354 and after the final dot.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar, cast

import aiosmtplib
from aiosmtplib import SMTPResponse

from services.models import AttemptStage, Ending
from services.sending.dialogue import Dialogue, Reply
from services.sending.message import OutgoingMessage
from services.sending.options import SmtpOptions
from services.sending.verdict import DeliveryResult, readable
from shared.config.values import address_literal

Answer = TypeVar("Answer")

BeforeData = Callable[[], Awaitable[bool]]
"""Awaited before DATA; False forbids it."""

ONE_WRITE = 65_536
ALIVE_SECONDS = 5
QUIT_SECONDS = 2
IDLE_CHECK_SECONDS = 10
GOING_AWAY = 421
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
        self._dialogue: Dialogue | None = None
        self._tls: ssl.SSLContext | None = None
        self._delivered = 0
        self._needs_reset = False
        self._last_used = 0.0
        self._asking = False
        self.stage = AttemptStage.CONNECT

    @property
    def is_open(self) -> bool:
        """Whether a connection stands."""
        return self._smtp is not None

    @property
    def stands(self) -> bool:
        """Whether the mail server has let this connection in and, as far as is known, has not closed it."""
        return self._dialogue is not None and self._dialogue.is_open

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
        if self._dialogue is not None:
            await self._dialogue.agrees(b"QUIT", within=QUIT_SECONDS)
        self.drop()

    def drop(self) -> None:
        """Close without a word; what is still unsent is thrown away."""
        if self._smtp is not None:
            transport = cast("asyncio.WriteTransport | None", self._smtp.transport)
            if transport is not None:
                transport.abort()
            self._smtp.close()
        self._smtp = self._dialogue = None

    async def _attempt(self, message: OutgoingMessage, before_data: BeforeData) -> SMTPResponse:
        dialogue, recipient = await self._begin(message)
        self.stage = AttemptStage.RCPT
        _expect_ok(await recipient)
        self._asking = True
        if not await before_data():
            raise _NotPermitted
        self._asking = False
        self.stage = AttemptStage.DATA
        reply = await dialogue.ask(b"DATA")
        if reply.code != START_INPUT:
            raise _Refused(reply)
        reply = await self._send_content(dialogue, message.content)
        self._delivered += 1
        return _expect_ok(reply)

    async def _begin(self, message: OutgoingMessage) -> tuple[Dialogue, Reply]:
        """Open the envelope; on a connection that turns out to be stale, once more on a new one.

        Returns:
            The dialogue, and what will be the reply to the recipient.
        """
        self._asking = False
        self.stage = AttemptStage.CONNECT
        reused = await self._usable()
        if reused is not None:
            try:
                return reused, await self._envelope(reused, message)
            except (_Refused, OSError) as error:
                if isinstance(error, _Refused) and error.reply.code != GOING_AWAY:
                    raise
            self.drop()
        fresh = await self._open()
        return fresh, await self._envelope(fresh, message)

    async def _envelope(self, dialogue: Dialogue, message: OutgoingMessage) -> Reply:
        """Have the sender taken, and return what will be the reply to the recipient.

        Both are said at once where the server has offered to take that (RFC 2920).
        """
        self.stage = AttemptStage.MAIL
        sender, recipient = _mail(dialogue, message), b"RCPT TO:<" + message.recipient.encode() + b">"
        if dialogue.offers("pipelining"):
            sender_reply, recipient_reply = dialogue.send(sender, recipient)
            _expect_ok(await sender_reply)
            return recipient_reply
        _expect_ok(await dialogue.ask(sender))
        self.stage = AttemptStage.RCPT
        return dialogue.send(recipient)[0]

    async def _usable(self) -> Dialogue | None:
        """Return the standing connection if it answers and has messages left, else close it."""
        dialogue = self._dialogue
        if dialogue is None:
            return None
        if self._delivered >= self._options.messages_per_connection:
            await self.close()
            return None
        idle = asyncio.get_running_loop().time() - self._last_used
        if not self._needs_reset and idle <= IDLE_CHECK_SECONDS:
            return dialogue
        if not await dialogue.agrees(b"RSET" if self._needs_reset else b"NOOP", within=ALIVE_SECONDS):
            self.drop()
            return None
        self._needs_reset = False
        return dialogue

    async def _open(self) -> Dialogue:
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
        if smtp.transport is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        self._dialogue = Dialogue(cast("asyncio.Transport", smtp.transport), frozenset(smtp.esmtp_extensions))
        return self._dialogue

    async def _greet(self, smtp: aiosmtplib.SMTP) -> None:
        """Say who we are: a full name or an address, for nothing else is allowed (RFC 5321, 4.1.1.1)."""
        name = self._options.helo_name or address_literal(smtp.get_transport_info("sockname")[0])
        try:
            await smtp.ehlo(hostname=name)
        except aiosmtplib.SMTPHeloError:
            if not smtp.is_connected:
                raise
            await smtp.helo(hostname=name)

    async def _send_content(self, dialogue: Dialogue, content: bytes) -> SMTPResponse:
        """Send the content and the final dot.

        The stage becomes BODY with the write that holds the dot. A big message's dot is a write of its own,
        after the content has left: a connection lost, or the message refused, before that can't have
        delivered anything.
        """
        data = content.replace(b"\r\n.", b"\r\n..")
        if data.startswith(b"."):
            data = b"." + data
        reply = dialogue.expect()
        if len(data) > ONE_WRITE:
            dialogue.write(data)
            await dialogue.flushed(until=reply)
            if reply.done():
                refusal = await reply
                self.drop()
                raise _Refused(refusal)
            data = b""
        dialogue.write(data + b".\r\n")
        self.stage = AttemptStage.BODY
        return await reply

    def _refused(self, reply: SMTPResponse) -> DeliveryResult:
        if not 200 <= reply.code <= 599:
            self.drop()
            return self._result(Ending.GARBLED, text=reply.message)
        if reply.code < 400:
            self.drop()
            return self._result(Ending.GARBLED, reply)
        if reply.code == GOING_AWAY or self.stage in (
            AttemptStage.CONNECT,
            AttemptStage.TLS,
            AttemptStage.LOGIN,
        ):
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


def _mail(dialogue: Dialogue, message: OutgoingMessage) -> bytes:
    """Return the command that names the sender, with what this server wants to know of the message."""
    command = b"MAIL FROM:<" + message.sender.encode() + b">"
    if dialogue.offers("size"):
        command += b" SIZE=%d" % len(message.content)
    if message.needs_utf8:
        if not dialogue.offers("smtputf8"):
            raise _NeedsUtf8
        command += b" SMTPUTF8"
    return command
