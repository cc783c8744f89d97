"""The therapists as the Therapist Service knows them, in a local copy.

`directory.TherapistDirectory`, `refresh.DirectoryRefresh`, `search.search_therapists`.
"""
