"""Background work: which process a worker is."""

import os

from ticketadmin.tasks import this_worker


def test_a_process_keeps_its_name_and_a_fork_of_it_is_another_worker() -> None:
    mine = this_worker()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writing, this_worker().encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as source:
        theirs = source.read().decode()
    os.waitpid(pid, 0)

    assert this_worker() == mine
    assert theirs.startswith(mine[:-12])
    assert theirs != mine
