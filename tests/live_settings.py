"""The product's own settings, except for a quick password hash: tests sign in hundreds of times."""

from ticketadmin.settings import *  # noqa: F403

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # of accounts that another version made
]
