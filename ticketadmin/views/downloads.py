"""Downloads: tables as they are made, and files that were uploaded. Each caller records its export."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

from ticketadmin.text import visible

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_STEM = 100  # characters; file systems take 255 bytes


def csv_download(lines: Iterable[str], name: str) -> HttpResponse:
    """Stream the lines of a CSV file as they are made."""
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer  # type: ignore[return-value] # a stream is a response to every caller


def given_back(pieces: Iterable[bytes], *, name: str, word: str, is_workbook: bool) -> HttpResponse:
    """Return an uploaded file under its own name, followed by `word` for what was added to it."""
    words = visible(PurePosixPath(name.replace("\\", "/")).stem).split()
    stem = " ".join(words).strip(" .")[:MAX_STEM]
    kind, content_type = ("xlsx", XLSX) if is_workbook else ("csv", "text/csv")
    answer = HttpResponse(b"".join(pieces), content_type=content_type)
    ended = "-".join(filter(None, (stem.removesuffix(f"-{word}"), word)))
    header = content_disposition_header(as_attachment=True, filename=f"{ended}.{kind}")
    answer["Content-Disposition"] = header or "attachment"
    return answer
