"""Removing data of tickets by ticket, by e-mail address and by age."""
