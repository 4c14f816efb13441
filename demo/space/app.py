"""Where a Space begins."""

import os

if os.environ.get("SPACES_ZERO_GPU"):
    import spaces  # noqa: F401 - has to come before torch

from demo.app import serve

if __name__ == "__main__":
    serve()  # on the address that the Space sets
