"""From Kubernetes' objects to endpoints and labels: one module per kind, no I/O.

`objects` holds the few fields that are looked at; everything else is skipped while decoding.
Each converter raises `objects.Malformed` for an object that Kubernetes would not have stored.
"""
