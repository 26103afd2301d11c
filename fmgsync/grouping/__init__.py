"""Snapshots and rules become desired state. Pure: no socket, no file, no clock, no log."""
