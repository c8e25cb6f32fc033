"""The file that a bulk update was prepared from, kept so that it can be read again."""

from uuid import uuid4

from django.conf import settings
from django.db import models

from .bulk import BulkUpdate


class BulkFile(models.Model):
    """An uploaded file as it came, compressed by zlib. `bulk` is null where every row of it is wrong.

    It is read again when its user answers a question about a column, and is given back with its errors. Any
    row may name any ticket, so erasing data of one ticket removes every file.
    """

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    bulk = models.OneToOneField(BulkUpdate, models.CASCADE, null=True, blank=True, related_name="file")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    content = models.BinaryField()
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
