"""Who may come in: staff with their sessions, services with their keys.

Passwords and keys are stored hashed only. `staff` has the logins, `api_keys` the keys; closing an account
lets go of the call in hand.
"""
