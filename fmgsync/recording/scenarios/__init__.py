"""What a lab unit is asked, by subject. Each scenario is a function of a `Lab`."""
