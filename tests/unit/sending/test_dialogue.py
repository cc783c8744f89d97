"""Commands and replies: which belong together, and what is not a reply."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiosmtplib import SMTPServerDisconnected

from services.sending.dialogue import LONGEST_REPLY, NO_CODE, Dialogue


@asynccontextmanager
async def dialogue_with() -> AsyncGenerator[tuple[Dialogue, socket.socket]]:
    """Yield a dialogue and the other end of its connection."""
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    theirs.setblocking(False)
    try:
        yield Dialogue(transport, frozenset({"size"})), theirs
    finally:
        transport.abort()
        theirs.close()


async def test_commands_go_in_one_write_and_replies_come_in_their_order() -> None:
    async with dialogue_with() as (dialogue, server):
        first, second = dialogue.send(b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>")
        said = await asyncio.get_running_loop().sock_recv(server, 100)
        server.sendall(b"250 2.1.0 sender\r\n550 5.1.1 recipient\r\n")
        assert (await first) == (250, "2.1.0 sender")
        assert (await second) == (550, "5.1.1 recipient")
    assert said == b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"


async def test_a_reply_of_several_lines_may_come_in_pieces() -> None:
    async with dialogue_with() as (dialogue, _):
        reply = dialogue.expect()
        for piece in (b"250-fir", b"st\r\n250-", b"second\r", b"\n250"):
            dialogue.data_received(piece)
            assert not reply.done()
        dialogue.data_received(b" third\r\n")
        assert reply.result() == (250, "first\nsecond\nthird")


async def test_what_nobody_asked_for_is_no_reply_to_what_is_asked_next() -> None:
    async with dialogue_with() as (dialogue, _):
        before = dialogue.expect()
        dialogue.data_received(b"250 ok\r\n421 4.4.2 still there?\r\n25")
        dialogue.data_received(b"421 4.4.2 goodbye\r\n")
        after = dialogue.expect()
        dialogue.data_received(b"354 go\r\n")
        assert before.result().code == 250
        assert after.result() == (354, "go")


async def test_a_reply_nobody_waits_for_any_more_keeps_its_place() -> None:
    async with dialogue_with() as (dialogue, _):
        given_up, next_one = dialogue.send(b"NOOP", b"RSET")
        given_up.cancel()
        dialogue.data_received(b"250 noop\r\n250 rset\r\n")
        assert next_one.result() == (250, "rset")


@pytest.mark.parametrize("line", [b"hello\r\n", b"\r\n", b"2x0 what\r\n", b"abc-more\r\n", b"-12 no\r\n"])
async def test_what_has_no_code_is_not_taken_for_an_answer(line: bytes) -> None:
    async with dialogue_with() as (dialogue, _):
        reply = dialogue.expect()
        dialogue.data_received(line)
        assert reply.result().code == NO_CODE


@pytest.mark.parametrize("piece", [b"x", b"250-\r\n"])
async def test_a_reply_without_end_is_cut_off(piece: bytes) -> None:
    async with dialogue_with() as (dialogue, _):
        reply = dialogue.expect()
        dialogue.data_received(b"250-")
        dialogue.data_received(piece * (LONGEST_REPLY // len(piece)))
        dialogue.data_received(b"250-" + piece * LONGEST_REPLY)
        assert reply.result() == (NO_CODE, "Response too long")


async def test_a_lost_connection_ends_every_wait_and_takes_no_command() -> None:
    async with dialogue_with() as (dialogue, server):
        replies = dialogue.send(b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>")
        server.close()
        for reply in replies:
            with pytest.raises(SMTPServerDisconnected):
                await reply
        assert not dialogue.is_open
        with pytest.raises(SMTPServerDisconnected):
            dialogue.send(b"NOOP")


@pytest.mark.parametrize("command", [b"NOOP\r\nDATA", b"NOOP\n", b"RCPT TO:<\x00@b.example>"])
async def test_a_command_is_one_line(command: bytes) -> None:
    async with dialogue_with() as (dialogue, _):
        with pytest.raises(ValueError, match="control character"):
            dialogue.send(command)
