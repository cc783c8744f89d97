"""Hints for one subscription: whose doing they are."""

from shared.notifications import Subscription, hint_of


async def heard(*hints: str, own: str = "12ab") -> frozenset[str]:
    subscription = Subscription(frozenset({"calls", "emails"}), own)
    for hint in hints:
        subscription.hear(hint)
    return await subscription.next(0)


async def test_what_one_does_oneself_is_told_apart():
    assert await heard(hint_of("calls", "12ab"), hint_of("emails", "34cd")) == {"own:calls", "emails"}


async def test_what_others_do_at_the_same_time_is_heard_as_well():
    assert await heard(hint_of("calls", "12ab"), hint_of("calls", "")) == {"own:calls", "calls"}


async def test_who_has_no_name_hears_of_all_as_of_others():
    assert await heard(hint_of("calls", "12ab"), hint_of("calls", ""), own="") == {"calls"}


async def test_other_subjects_are_not_heard_whoever_is_behind_them():
    assert await heard(hint_of("outbox", "12ab"), hint_of("outbox", "34cd")) == frozenset()
