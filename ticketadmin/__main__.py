"""`python -m ticketadmin` is the command `ticketadmin`, also from a checkout."""

from ticketadmin.installation.command_line import main

if __name__ == "__main__":
    main()
