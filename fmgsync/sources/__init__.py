"""What runs: reads clusters, live or from what kubectl printed, into snapshots of endpoints.

A source only notices. Which endpoint belongs to which group is decided in `fmgsync.grouping`.
"""
