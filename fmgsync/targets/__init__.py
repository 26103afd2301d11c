"""Where desired state is written: FortiManager ADOMs. `protocol` is the seam the passes use."""
