"""A simulated FortiManager: JSON-RPC over HTTPS, answered from state.

It shares no code with the rest of fmgsync, so that one wrong belief about FortiManager cannot
stand on both sides of the wire. Start one with `Simulator(...)` or `fmgsync simulator`.
"""

from fmgsync.simulator.codes import Refusal
from fmgsync.simulator.fortigate.fortigate import FortiGate
from fmgsync.simulator.life.console import Console
from fmgsync.simulator.simulator import Simulator
from fmgsync.simulator.state.problems import SeedError
from fmgsync.simulator.wire.requestlog import Entry, RequestLog

__all__ = ["Console", "Entry", "FortiGate", "Refusal", "RequestLog", "SeedError", "Simulator"]
