"""`python -m fmgsync` is `fmgsync`."""

from fmgsync.cli.main import main

if __name__ == "__main__":
    main()
