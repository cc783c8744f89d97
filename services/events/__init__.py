"""What other services are told: an event is stored with the change it reports, and published at least once.

`report.retract` takes events back; `relay.EventRelay` publishes what is `due`, in order per key; `outbox` is
what operators see of it; `types` and `contract` say what an event holds.
"""
