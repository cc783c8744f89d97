"""When somebody picks up, and whether to ring now or to wait for a better hour.

`tallies`, `estimate`, `learning` and `waiting` are pure; `history` reads what they need.
"""
