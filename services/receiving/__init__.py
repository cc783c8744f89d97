"""From the mailbox to the e-mail: what a message is, what it says, and what it belongs to.

`understanding.understand` reads one raw message, purely and within bounds: whatever comes, it answers or
raises `bounds.Unreadable`, and every text can be stored. `message` takes it apart, `kinds` tells what it is,
`bounces` what a mail system reports, `absence` when somebody is back, `quotation` what the author wrote
themselves, `matching` and `tokens` what it belongs to. Nothing here answers a mail.
"""
