"""Signs of life of the product's own processes, and when their regular work was last done."""

from django.db import models


class Heartbeat(models.Model):
    """A worker process that said lately that it lives."""

    name = models.CharField(max_length=64, primary_key=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Chore(models.Model):
    """Regular work that one worker at a time takes on, and when it was last begun."""

    name = models.CharField(max_length=40, primary_key=True)
    begun_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
