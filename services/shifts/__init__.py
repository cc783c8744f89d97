"""What one shift leaves to the next: notes that all staff read, until they are out of date or taken down.

`notes.leave_note`, `notes.list_notes`, `notes.take_down`.
"""
