"""The controller process: watches, wakes the passes, reloads, reports on itself, stops."""
