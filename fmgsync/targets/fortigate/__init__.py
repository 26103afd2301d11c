"""FortiGates without a FortiManager, over their own REST API.

A write is live at once, one object per request, and nothing is locked: so the order of writes is
the safety (`writing`), and whatever moved between reading and writing stops them.
"""
