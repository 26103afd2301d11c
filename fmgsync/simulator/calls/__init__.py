"""FortiManager's calls: one module for each kind, and what they share."""
