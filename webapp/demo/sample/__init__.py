"""A believable day with fictional people, for the demo."""
