"""Who may come in: staff with their sessions, services with their keys.

Passwords, tokens, keys and recovery codes are stored hashed only. `logins` open `sessions`, by a password and
where there is a `second_factor` by a code; `login_tries` and `passwords` hold up strangers, `password_rules`
refuse what is easily guessed. `staff` has the accounts, `own_account` what one does with one's own, `duties`
what comes first; closing an account lets go of the call in hand. `api_keys` has the keys, `key_check` says
whether one opens something, `rate_limits` how often in a minute, `key_use` when one was last used.
"""
