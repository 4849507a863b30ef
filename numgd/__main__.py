"""``python -m numgd`` is the command ``numgd``."""

import sys

from numgd.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
