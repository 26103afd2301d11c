"""FortiManager over JSON-RPC: sessions, objects, packages, installs and read-back.

`target.FortiManagerAdom` is what the passes use; the other modules each know one part of the
protocol. Only `client` imports pyFMG.
"""
