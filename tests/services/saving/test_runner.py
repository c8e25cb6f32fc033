"""Which process runs a save: reported as ended only if that is certain."""

import os
import subprocess
import sys

import pytest

from ticketadmin.services.saving.runner import has_ended, this_runner


def test_the_current_process_has_not_ended() -> None:
    assert this_runner()
    assert not has_ended(this_runner())


def test_an_ended_process_of_this_machine_is_recognised() -> None:
    code = "from ticketadmin.services.saving.runner import this_runner; print(this_runner())"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert has_ended(printed.stdout.strip())


def test_a_reused_process_id_is_another_process() -> None:
    home, pid, start = this_runner().split(":")

    assert pid == str(os.getpid())
    assert has_ended(f"{home}:{pid}:{int(start) - 1}")


@pytest.mark.parametrize("runner", ["", "nonsense", "other-boot/4026531836:1:1", ":1:1", "::"])
def test_nothing_is_known_about_processes_of_another_machine(runner: str) -> None:
    assert not has_ended(runner)
