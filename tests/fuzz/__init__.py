"""Bytes that others write, broken at random: `python -m tests.fuzz --seconds 60`."""
