"""The servers the demo and the tests bring along; they speak the real protocols."""
