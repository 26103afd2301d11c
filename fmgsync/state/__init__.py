"""What is remembered between runs: what people decided, and what the guard adds up.

Everything else is read afresh. Losing it is safe: what waited waits again, and the guard lets only
small changes through until it has seen a whole period.
"""

from typing import Final

DEFAULT_FOLDER: Final = ".fmgsync"
"""Where the command line remembers, unless told otherwise."""
