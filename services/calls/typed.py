"""The outcome form while it is being typed."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import select

from services.calls.hands import load_in_hand
from services.calls.kept_state import Undo
from services.drafts import CALL, put_draft
from services.errors import Conflict
from services.models import PhoneCall
from services.work import Work


class NotSaved(Conflict):
    """What you chose or typed for the call in your hands is not saved yet."""


async def require_saved(work: Work, *, but: int | None = None) -> None:
    """Refuse to let go of the call in hand while something is typed for it, unless that is the call `but`.

    Raises:
        NotSaved: an outcome is chosen or a note begun; carries `in_hand`.
    """
    async with work.transaction() as tx:
        held = await load_in_hand(tx)
    if held is not None and held.call_id != but and held.unsaved:
        raise NotSaved(in_hand=held)


async def keep_typed(work: Work, call_id: int, fields: Mapping[str, str], *, version: int | None) -> None:
    """Keep what is typed about a call as its page showed it in `version`.

    What arrives after the same person's outcome was sent on its way before it, and is not kept.
    """
    async with work.transaction() as tx:
        call = await tx.session.scalar(
            select(PhoneCall)
            .where(PhoneCall.id == call_id)
            .with_for_update(read=True, key_share=True)
            .execution_options(populate_existing=True)
        )
        if call is not None and not _saved_since(call, version, tx.staff_id):
            await put_draft(tx, CALL, call_id, fields)


def _saved_since(call: PhoneCall, version: int | None, staff_id: int) -> bool:
    if call.version == version or call.rueckgaengig is None:
        return False
    last = msgspec.convert(call.rueckgaengig, Undo)
    return last.version == call.version and last.author_id == staff_id
