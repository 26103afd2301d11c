"""Who of several replicas works on what: Leases, and the fence around every write."""
