"""What `fmgsync doctor` finds: checks, and the fix for each that fails."""
