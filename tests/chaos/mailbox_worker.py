"""A reader of the mailbox in a process of its own that can be killed."""

import logging

import structlog
import uvloop

from services.receiving.mailbox import MailboxOptions
from services.receiving.reader import MailReader
from services.rules import DeskRules
from services.work import Workplace
from shared.clock import system_clock
from shared.config.settings import load_settings
from shared.database import create_engine, create_session_factory
from tests.chaos.mail_worker import CONTEXT


def read_for_ever(database_url: str, options: MailboxOptions) -> None:
    """Be the part of a worker that reads the mailbox."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    config = load_settings(env_file=None, app_env="testing", database_url=database_url, imap_poll_seconds=0.5)

    async def run() -> None:
        engine = create_engine(config, application_name="chaos")
        workplace = Workplace(
            sessions=create_session_factory(engine), clock=system_clock, rules=DeskRules.from_settings(config)
        )
        await MailReader(workplace, config, options).run()

    uvloop.run(run())


class Reader:
    """One reader; when it is killed, the next begins at once."""

    def __init__(self, database_url: str, options: MailboxOptions) -> None:
        self._arguments = (database_url, options)
        self.kills = 0
        self._start()

    def _start(self) -> None:
        self._process = CONTEXT.Process(target=read_for_ever, args=self._arguments, daemon=True)
        self._process.start()

    def kill(self) -> None:
        """End it as a power cut would, and begin anew."""
        self.stop()
        self.kills += 1
        self._start()

    def stop(self) -> None:
        assert self._process.is_alive(), "the reader ended by itself"
        self._process.kill()
        self._process.join(10)
