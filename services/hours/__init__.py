"""What the Therapist Service says about when somebody answers the phone, read as far as it can be understood.

`reading.parse`; pure, and knows nothing else of the house.
"""
