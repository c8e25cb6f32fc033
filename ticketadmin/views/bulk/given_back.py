"""An uploaded file as a download: under its own name with a word behind it, to tell several apart."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from ticketadmin.text import visible

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_STEM = 100  # characters; file systems take 255 bytes


def given_back(pieces: Iterable[bytes], *, name: str, word: str, is_workbook: bool) -> HttpResponse:
    """Return the download of a file that was uploaded as `name`; `word` says what was added to it."""
    words = visible(PurePosixPath(name.replace("\\", "/")).stem).split()
    stem = " ".join(words).strip(" .")[:MAX_STEM]
    kind, content_type = ("xlsx", XLSX) if is_workbook else ("csv", "text/csv")
    answer = HttpResponse(b"".join(pieces), content_type=content_type)
    ended = "-".join(filter(None, (stem.removesuffix(f"-{word}"), word)))
    header = content_disposition_header(as_attachment=True, filename=f"{ended}.{kind}")
    answer["Content-Disposition"] = header or "attachment"
    return answer
