"""The product's settings with the peer's application beside it."""

from ticketadmin.settings import *  # noqa: F403
from ticketadmin.settings import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "benchmarks.peer"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
