"""Constructors of columns that occur in several tables, and what rows with a name have in common."""

from typing import Any

from django.db import models


class NamedRow(models.Model):
    """A row that is shown by its name."""

    name: "models.CharField[Any, str]"

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


def nullable_json(help_text: str = "") -> "models.JSONField[Any, Any]":
    """Return a column of JSON, null if there is nothing to hold."""
    return models.JSONField(null=True, blank=True, help_text=help_text)


def later_text(name: Any = None, **options: Any) -> "models.CharField[str, str]":
    """Return a text column that was added to its table later, "" by default.

    The database has the default as well: during an upgrade, processes of the version before still write rows.
    """
    return models.CharField(name, blank=True, default="", db_default="", **options)


def later_flag(help_text: str) -> "models.BooleanField[bool, bool]":
    """Return a boolean column that was added to its table later, false by default, as `later_text`."""
    return models.BooleanField(default=False, db_default=False, help_text=help_text)
