"""Builds everything from the configuration; nothing else imports a kind of target."""
