"""Local passwords, for users whose source is LOCAL."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from ticketadmin.models import IdentitySource, User


class LocalBackend(ModelBackend):
    """Django's backend, closed to users of another identity source."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        user = super().authenticate(request, username, password, **kwargs)
        return user if isinstance(user, User) and user.source == IdentitySource.LOCAL else None

    def get_user(self, user_id: int) -> User | None:
        return User.of_session(user_id)
