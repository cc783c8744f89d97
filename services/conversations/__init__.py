"""One therapist is one conversation: what there is to talk about, and one outcome for all of it.

`matters.load_matters`, `settling.settle`, `undo.undo_settlement`.
"""
