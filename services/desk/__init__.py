"""What the screens show, read in few statements; nothing here changes anything.

`today.load_desk`, `panel`, `board`, `open_calls`, `week.load_week`, `move_choice`, `statistics`,
`therapists.load_therapist`, `email_list`, `email_page`, `history.load_history`, `system.system_overview`.
"""
