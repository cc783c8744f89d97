"""Calls because of an e-mail.

`automatic.FollowUps` makes them when nobody answers, exactly once; `pending` cancels or moves them when
somebody does, and makes one by hand.
"""
