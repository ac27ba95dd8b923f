"""Runs the command line: `python -m pipemgr` is `pipemgr`."""

from pipemgr.cli.main import main

if __name__ == "__main__":
    main()
