"""A FortiGate itself: its REST API, directly or through FortiManager's proxy."""
