"""Every command, in trouble at every one of its requests: `python -m tests.sweep --full`."""
