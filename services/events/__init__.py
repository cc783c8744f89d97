"""What other services are told: an event is stored with the change it reports, and published at least once.

`report.report_email`, `report.report_call`, `report.retract`; `relay.EventRelay` publishes in order per key;
`outbox` is what operators see of it; `types` and `contract` say what an event holds.
"""
