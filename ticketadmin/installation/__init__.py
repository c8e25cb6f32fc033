"""The product as an installed command: `ticketadmin`, its settings file, its first start."""
