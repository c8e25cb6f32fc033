"""What Prometheus counts. Metrics name routes, outcomes and endpoints: never users, tickets or values.

With several web processes, PROMETHEUS_MULTIPROC_DIR holds the counts of each; gunicorn.conf.py sets it.
Figures from the database are queried at each scrape: see `services/operations/readiness.py`.
"""

from prometheus_client import Counter, Histogram

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Counter("ticketadmin_requests_total", "Requests answered.", ["route", "method", "status"])
REQUEST_SECONDS = Histogram("ticketadmin_request_seconds", "Time to answer.", ["route"], buckets=_FAST)
SAVES = Counter("ticketadmin_saves_total", "Changes that got an outcome.", ["outcome", "origin"])
REMOTE_CALLS = Counter(
    "ticketadmin_remote_calls_total", "Attempts to call the CRM.", ["method", "endpoint", "result"]
)
REMOTE_SECONDS = Histogram(
    "ticketadmin_remote_call_seconds", "Time of an attempt.", ["method", "endpoint"], buckets=_FAST
)
REMOTE_RETRIES = Counter("ticketadmin_remote_retries_total", "Attempts after the first.", ["endpoint"])
