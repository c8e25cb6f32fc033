"""ticketadmin: edit support tickets that live in a remote CRM.

Layers import only from layers below them, and some outside libraries may be imported by one module alone;
`tests/test_architecture.py` lists and enforces both. CONTRIBUTING.md says where to add what.
"""

__version__ = "0.1.0"
