"""From the queue to the mail server, by any number of workers; nothing twice, nothing lost.

`sender.EmailSender` is the worker's loop. `queue` claims, `lane` delivers over one connection (`smtp`),
`verdict` reads what a reply means, `deliveries` says what follows from it, `ledger` writes it down;
`overview` is what operators see.
"""
