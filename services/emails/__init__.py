"""An e-mail from the request to its answer; how it gets to the mail server is `services.sending`'s.

Accepted is never lost, and nothing is sent twice without a person deciding it.
`create.create_email`, `changes`, `states` (send, cancel, resend, decide), `replies.record_reply`, `lists`.
"""
