"""Talks to Kubernetes API servers: sessions, lists, watches, leases, events.

The only importer of the `kubernetes` library, of which it uses what is hard to do well oneself
(kubeconfig, authentication, TLS), not the generated models: decoding a list into those takes
twenty times the time and memory, and stalls every other thread meanwhile.
"""
