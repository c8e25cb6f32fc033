"""What operators monitor: readiness, metrics, heartbeats of workers."""
