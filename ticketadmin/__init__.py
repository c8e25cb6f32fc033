"""ticketadmin: edit support tickets that live in a remote CRM.

Layers only import from layers below them, and each outside library has one module that imports it;
`tests/test_architecture.py` lists and enforces both. Where to add what: see CONTRIBUTING.md.
"""

__version__ = "0.1.0"
