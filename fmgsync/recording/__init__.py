"""Cassettes: exchanges with a FortiManager, recorded, scrubbed, served back and compared."""
