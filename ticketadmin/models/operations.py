"""Signs of life of the product's own processes."""

from django.db import models


class Heartbeat(models.Model):
    """A worker process that said lately that it lives."""

    name = models.CharField(max_length=64, primary_key=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
