"""The configuration tables: their members, values and references."""
