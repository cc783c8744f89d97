"""The domain in plain async Python: a package for each subject, imports in one direction.

`desk` -> `emails` -> `follow_ups` -> `calls` -> `scheduling` -> `therapists` -> `models`; `calls`, `emails`
and `sending` report `events`. What all of them stand on is beside the packages: `work` (who, when, by which
rules, in which transaction), `errors`, `rules`, `checks`, `hints`, `idempotency`, `pagination`, `drafts`.
"""
