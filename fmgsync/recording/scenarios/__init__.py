"""What a lab unit is asked, by subject. Each is a function of a `Lab`, or a `UnitLab`."""
