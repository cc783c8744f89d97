"""Calls from the wish to ring somebody to what came of it.

Nobody is called in vain or by two people at once; every outcome can be taken back for a while.
`planning.create_call`, `claims.claim_next`, `outcomes.record_outcome`, `undo.take_outcome_back`,
`ring_backs.ring_back`, `wishes.plan_call`.
"""
