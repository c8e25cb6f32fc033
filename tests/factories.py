"""Users as tests need them. Fixtures of `conftest.py` make one for each test; a module may share its own."""

from django.contrib.auth.models import Group
from django.test import Client

from ticketadmin.models import Role, User

PASSWORD = "a-long-test-password-1"


def make_user(role: Role | None, username: str = "", **values: object) -> User:
    """Create a user with a role, or without any; the name is the role's unless it is given."""
    name = username or (role.value if role else "nobody")
    user = User.objects.create_user(name, password=PASSWORD, **values)
    if role:
        user.groups.add(Group.objects.get(name=role.value))
    return user


def signed_in(user: User) -> Client:
    """Return a test browser with a session of the user's own."""
    client = Client()
    client.force_login(user)
    return client
