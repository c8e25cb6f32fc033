"""What this tool knows of the CRM: the connection, what it may read, its lists, one ticket."""
