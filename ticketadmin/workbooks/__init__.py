"""Reading XLSX files, in a process of its own. No Django, no settings, no database here.

The attacker uploads a workbook: an archive of a few KB that unpacks into gigabytes, XML that makes a library
work for minutes, or a fault in that library. So the process that serves pages never opens a workbook. It
starts `python -m ticketadmin.workbooks` with an empty environment, gives it the file on standard input and
reads rows as JSON from standard output (`services/spreadsheets/workbooks.py`).

    __main__    the limits of the process, and the protocol
    checking    every part of the archive, before openpyxl sees it
    reading     the rows of the first visible sheet, by openpyxl
    cells       how a value is written as a text
"""
