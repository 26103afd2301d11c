"""When installs may start, and which. Pure: no socket, no file, no clock, no log.

Instants come in as arguments, aware; answers are in UTC. The only thing read from outside is the
time zone database, through `zoneinfo`.
"""
