"""A shell of the product that stays: a script a line in, what it printed out. `tests/live.py` starts it.

Each start of `manage.py shell` costs most of a second of processor time, and a run makes some hundred.
"""

import contextlib
import io
import json
import sys
import traceback

import django

django.setup()

from django.db import connections  # noqa: E402 - after the setup

for line in sys.stdin:
    printed, error = io.StringIO(), ""
    with contextlib.redirect_stdout(printed):
        try:
            exec(json.loads(line), {"__name__": "__main__"})  # noqa: S102 - tests write the scripts
        except BaseException:  # noqa: BLE001 - the caller is told
            error = traceback.format_exc()
    connections.close_all()  # the files may be replaced, the database may be dropped
    print(json.dumps([printed.getvalue(), error]), flush=True)  # noqa: T201 - the answer
