"""When a therapist can be rung, and a time for it that nobody else has.

Rules are pure (`phone_hours`, `slots`), the calendar is read in `calendar` (`find_next`,
`free_slots_of_day`), and a time is taken in `booking` (`book_next`, `book_at`, `move`), where the database
has the last word.
"""
