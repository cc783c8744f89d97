from collections.abc import Iterable

from sqlalchemy import make_url

from shared.notifications import Notifier


class RecordingNotifier(Notifier):
    """Keeps the hints it is given, those of one commit together, and sends none."""

    def __init__(self) -> None:
        super().__init__(make_url("postgresql://nowhere"))
        self.sent: list[set[str]] = []

    def send(self, subjects: Iterable[str]) -> None:
        if wanted := set(subjects):
            self.sent.append(wanted)
