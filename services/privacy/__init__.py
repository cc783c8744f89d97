"""What is held about people, how long, and how it goes (GDPR Art. 5, 15, 17).

`retention.Retention` blanks what is too old; `export.export_therapist` says all that is held about one
therapist, `erasure.erase_therapist` blanks it at once. What blanking means stands in `columns`.
"""
