"""What pages are made of: forms as they are sent, and services' answers as templates want them."""
