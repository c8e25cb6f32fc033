"""The remote ticket API, as a Django-free client.

`client.TicketApi` has one method per endpoint; `tickets` holds the values it returns, `errors` what it
raises, `replies` the reading of answers, `retrying` the decision to try again, `keys` the API key.
"""
