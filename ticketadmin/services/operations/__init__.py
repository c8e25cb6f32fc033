"""What operators ask: readiness, metrics, heartbeats of workers."""
