"""A world from a seed, and who acts in it besides a client: administrators, devices, chance."""
