"""Desired and observed state become an ordered plan. Pure: reads nothing, writes nothing."""
