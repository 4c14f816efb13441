"""`python -m core`: see core/cli.py."""

import gc
import sys

from core.cli import main

if __name__ == "__main__":
    status = main()
    gc.freeze()  # what is left goes with the process; to look for cycles in it first takes half a second
    sys.exit(status)
