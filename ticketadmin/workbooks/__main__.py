"""The process that reads one workbook: the file on standard input, rows or a refusal as JSON on output.

Arguments: the limits of rows, columns, bytes of memory and seconds of processor time, the title of the sheet
that holds an export's record, and that of the sheet to read, empty for the first visible one. The limits are
set before the first byte is read; the system ends a process that exceeds one, which its parent notices.
"""

import json
import resource
import sys

from ticketadmin.workbooks.checking import RefusedWorkbook

MAX_OUTPUT = 256 * 1024 * 1024


def main(arguments: list[str]) -> int:
    """Read the workbook. Returns 0, also for a refusal, which is a valid answer."""
    rows, columns, memory, seconds = map(int, arguments[:4])
    limit_process(memory, seconds)
    from ticketadmin.workbooks.reading import read_sheet  # noqa: PLC0415 - within the limits, too

    try:
        answer = read_sheet(
            sys.stdin.buffer.read(), rows=rows, columns=columns, record=arguments[4], title=arguments[5]
        )
    except RefusedWorkbook as refusal:
        answer = {"refused": refusal.code}
    sys.stdout.buffer.write(json.dumps(answer).encode())
    return 0


def limit_process(memory: int, seconds: int) -> None:
    """Limit the memory (bytes) and processor time (seconds) of this process, and its output."""
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CPU, seconds)
    _limit(resource.RLIMIT_FSIZE, MAX_OUTPUT)
    _limit(resource.RLIMIT_CORE, 0)


def _limit(kind: int, most: int) -> None:
    """Lower a limit; one that is already lower is left as it is."""
    _soft, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
