"""The sandbox: a test double of the remote CRM that speaks its contract over real HTTP.

It runs as a process of its own (`python -m ticketadmin.sandbox`), keeps its tickets in its own SQLite
file, and shares no code with the client. Only the demonstration, tests and benchmarks start it.

    server     HTTP/1.1 on asyncio: connections, keep-alive, the ways to misbehave
    crm        tickets, lists, rights: what the CRM does with a request
    faults     what goes wrong, for which requests, how often
    control    /_sandbox/…: tests look at the log, set switches and faults, edit as another user
    seeding    believable tickets in Vietnamese and English

Tickets that misbehave by themselves, for trying the tool by hand:

    TK-SLOW      every answer takes 3 seconds
    TK-RESET     the write is applied, then the connection breaks
    TK-DENIED    403 on every write
    TK-IGNORED   200 on every write, and nothing is stored
    TK-WIPES     a write empties every field that it does not name
    TK-CONFLICT  another user changes the status each time the ticket was read
    TK-BUSY      429 on the first write, then fine
    TK-BROKEN    500 on every write
"""
