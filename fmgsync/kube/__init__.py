"""Talks to Kubernetes API servers: sessions, lists, watches, leases, events.

The only importer of the `kubernetes` library, of which it uses where a pod's service account lies
and the renewal of an OpenID Connect login, each only where it is needed. Kubeconfigs are read here:
the library takes a quoted "false" for true, knows no impersonation and swallows what plugins say.
Its generated models take twenty times the time and memory of what is used instead.
"""
