"""Who may come in: staff with their sessions, services with their keys.

Passwords and keys are stored hashed only. `staff` has the logins, `login_tries` and `passwords` what holds
up strangers, `api_keys` the keys; closing an account lets go of the call in hand.
"""
