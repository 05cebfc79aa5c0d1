"""HTTPie's `http` as one executable."""

import sys

from httpie.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
