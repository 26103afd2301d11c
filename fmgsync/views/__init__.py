"""The four views held side by side: state per group and device, what is pending. Pure."""
