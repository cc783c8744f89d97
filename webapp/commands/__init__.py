"""The commands of `calldesk` that come in groups; each module is loaded where one of its own is asked for."""
