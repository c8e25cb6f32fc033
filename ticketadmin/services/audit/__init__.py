"""Writing the audit log. It is read by `services/history/audit.py`."""
