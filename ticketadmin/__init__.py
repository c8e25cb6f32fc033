"""ticketadmin: edit support tickets that live in a remote CRM.

The layers, top to bottom; imports only point down, and `tests/test_architecture.py` enforces it:

    views, admin, tasks, templatetags, management    HTTP, worker and terminal entry points
    signing_in                                       beside them: authentication and session lifetime
        forms                                        what a user may type
            services                                 what the product does, one use case a function
                ticketapi   models   sanitizing      the remote CRM · our own rows · hostile HTML

`ticketapi`, `models` and `sanitizing` never import each other, and `ticketapi` never imports Django.
No module imports `sandbox`, the stand-in for the CRM that `make demo` and the tests start.

One door for each outside thing: `requests` in `ticketapi/client.py`, `bleach` in `sanitizing.py`.
Where to add what: see CONTRIBUTING.md.
"""

__version__ = "0.1.0"
