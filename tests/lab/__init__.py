"""The lab as tests, docs and benchmarks use it: many FortiGates, an ordinary day after a night."""
