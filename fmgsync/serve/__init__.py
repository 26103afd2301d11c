"""What a running controller shows: health, readiness, metrics, status. Reads, never acts."""
