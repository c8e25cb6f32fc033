"""Tests of the product. `tests/e2e` uses it as a user does; the other folders mirror its packages."""

import os
import sys

# Compiled modules are kept, whatever the environment says. Without them each of the few hundred processes
# that the tests start compiles the product anew (0.5 s), and each test process rewrites all assertions (5 s).
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
