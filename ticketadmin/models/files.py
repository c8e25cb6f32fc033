"""The file that a bulk update was prepared from, kept so that it can be read again."""

from django.db import models

from .bulk import BulkUpdate


class BulkFile(models.Model):
    """An uploaded file as it came, compressed by zlib.

    It is read again when its user answers a question about a column, and is given back with its errors. Any
    row may name any ticket, so erasing data of one ticket removes every file.
    """

    bulk = models.OneToOneField(BulkUpdate, models.CASCADE, related_name="file")
    name = models.CharField(max_length=120)
    content = models.BinaryField()
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
