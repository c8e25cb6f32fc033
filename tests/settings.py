"""The product's settings with what tests need: no manifest, quick password hashes, a test key."""

import os

os.environ.setdefault("DEBUG", "0")
os.environ.setdefault("SECRET_KEY", "tests-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ")
os.environ.setdefault("HTTPS_ONLY", "0")
os.environ.setdefault("TICKET_API_URL", "http://127.0.0.1:9")
os.environ.setdefault("TICKET_API_KEY", "test-key-0123456789-abcdefghij")
os.environ.setdefault("TICKET_API_TIMEOUT", "10")
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")
os.environ.setdefault("LOG_LEVEL", "INFO")

from ticketadmin.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
