"""What follows from a look at everything: pure answers, no I/O."""
