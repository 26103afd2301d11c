"""What a simulated FortiManager and its FortiGates hold, and what a seed says of it."""
