"""What can go wrong with the remote ticket API, named by what the person can do next.

    TicketApiError
    ├── InvalidTicket      the CRM refused the values (400, 422): correct them
    ├── KeyRefused         the CRM refused the key (401): tell an administrator
    ├── NotAllowed         the key may not do this (403, 405): ask for the right
    ├── NotFound           no such ticket, or no such endpoint (404): check the code
    ├── Conflict           the CRM says somebody was faster (409): reload and compare
    ├── Unavailable        the CRM cannot take it now (refused, DNS, TLS, 429, 5xx): try again later
    ├── OutcomeUnknown     the request left, the answer did not arrive: read the ticket, then decide
    └── UnexpectedReply    an answer that is not the contract's (redirect, not JSON, too large, another
                           ticket): tell an administrator

Every error says whether the CRM may have been changed (`effect`), because that is the first
thing a person asks. Nothing here holds the API key, and messages from the CRM are plain text,
shortened, never matched on.
"""
