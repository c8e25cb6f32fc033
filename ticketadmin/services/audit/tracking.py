"""Records what happens to accounts, roles, settings and shared views, whichever code writes the rows.

Receivers of Django's model signals, so that the admin, a service, a command and the shell are all covered.
Two ways bypass signals, `QuerySet.update` and `bulk_create`; a test holds that the product uses neither
for these tables, except where it records the change itself.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver

from ticketadmin.models import AuditAction, CustomField, SavedView, StatusSetting, TicketRule, User
from ticketadmin.services.audit.record import Target, current_origin, masked, record

# Rows that administrators describe. A new setting's model gets its place here; a test finds what is missing.
SETTINGS: tuple[type[models.Model], ...] = (CustomField, StatusSetting, TicketRule, Group)

_USER_FIELDS = (
    *("username", "first_name", "last_name", "email", "source"),
    *("is_active", "is_superuser", "is_staff"),
)
_VIEW_FIELDS = ("name", "query", "is_shared", "owner_id")
_merging: ContextVar[frozenset[int]] = ContextVar("merging", default=frozenset())


def _values(row: models.Model, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _names_of(model: type[models.Model]) -> tuple[str, ...]:
    """Return the columns whose changes are recorded; none of a model that is not."""
    if model in SETTINGS:
        return tuple(field.attname for field in model._meta.concrete_fields if not field.primary_key)
    return {User: (*_USER_FIELDS, "password"), SavedView: _VIEW_FIELDS}.get(model, ())


@receiver(pre_save)
def _before(
    sender: type[models.Model], instance: Any, update_fields: Any, raw: bool = False, **_signal: Any
) -> None:
    """Note what the database holds of a row that is about to be written; None for a row that is new."""
    names = _names_of(sender)
    if not raw and set(names if update_fields is None else update_fields) & set(names):
        rows = sender._default_manager.filter(pk=instance.pk).values(*names)
        instance.stored = None if instance._state.adding else rows.first()


def _difference(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    changed = [name for name, value in after.items() if before.get(name) != value]
    return {name: before.get(name) for name in changed}, {name: after[name] for name in changed}


# --- users ---------------------------------------------------------------------------------------


@receiver(post_save, sender=User)
def _after_user(instance: User, created: bool, **_signal: Any) -> None:
    if "stored" not in vars(instance):
        return
    stored = vars(instance).pop("stored")
    values = _values(instance, _USER_FIELDS)
    if created or stored is None:
        record(AuditAction.USER_CREATED, Target.of(instance), after=values)
        return
    hash_before = stored.pop("password")
    before, after = _difference(stored, values)
    if after:
        record(_action_for(after), Target.of(instance), before=before, after=after)
    if instance.password != hash_before and _is_new_password(instance):
        _record_password(instance)


def _action_for(after: dict[str, Any]) -> AuditAction:
    if "is_active" in after:
        return AuditAction.USER_SWITCHED_ON if after["is_active"] else AuditAction.USER_SWITCHED_OFF
    is_permission = "is_superuser" in after or "is_staff" in after
    return AuditAction.PERMISSIONS_CHANGED if is_permission else AuditAction.USER_CHANGED


def _is_new_password(user: User) -> bool:
    """Return whether the password is new, not the old one rehashed by a sign-in after a change of hasher.

    Django keeps the text in `_password` until the row of a password that was set is stored.
    """
    return getattr(user, "_password", None) is not None


def _record_password(user: User) -> None:
    is_own = current_origin().user_of() == user
    record(AuditAction.PASSWORD_CHANGED if is_own else AuditAction.PASSWORD_SET, Target.of(user))


@receiver(pre_delete, sender=User)
def _before_user_deletion(instance: User, **_signal: Any) -> None:
    instance.roles_held = _role_names(instance)  # type: ignore[attr-defined]


@receiver(post_delete, sender=User)
def _after_user_deletion(instance: User, **_signal: Any) -> None:
    before = {**_values(instance, _USER_FIELDS), "roles": instance.roles_held}  # type: ignore[attr-defined]
    record(AuditAction.USER_DELETED, Target.of(instance), before=before)


# --- roles and permissions -----------------------------------------------------------------------


def _role_names(user: User) -> list[str]:
    return sorted(user.groups.values_list("name", flat=True))


@contextmanager
def one_entry_for_roles(user: User) -> Iterator[None]:
    """Record what is done to the user's roles inside as one entry, however many steps it takes."""
    before = _role_names(user)
    token = _merging.set(_merging.get() | {user.pk})
    try:
        yield
    finally:
        _merging.reset(token)
    _record_roles(user, before)


def _record_roles(user: User, before: list[str]) -> None:
    after = _role_names(user)
    if before != after and user.pk not in _merging.get():
        record(AuditAction.ROLES_CHANGED, Target.of(user), before={"roles": before}, after={"roles": after})


@receiver(m2m_changed, sender=User.groups.through)
def _roles_change(instance: Any, action: str, reverse: bool, pk_set: set[int] | None, **_signal: Any) -> None:
    if action.startswith("pre_"):
        instance.roles_before = {user: _role_names(user) for user in _users(instance, reverse, pk_set)}
    else:
        for user, before in instance.__dict__.pop("roles_before", {}).items():
            _record_roles(user, before)


def _users(instance: Any, reverse: bool, pk_set: set[int] | None) -> Iterable[User]:
    if not reverse:
        return [instance]
    members = User.objects.filter(groups=instance) if pk_set is None else User.objects.filter(pk__in=pk_set)
    return list(members)


def _permission_names(holder: Any) -> list[str]:
    held = holder.user_permissions if isinstance(holder, User) else holder.permissions
    return sorted(held.values_list("codename", flat=True))


@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def _permissions_change(instance: Any, action: str, reverse: bool, **_signal: Any) -> None:
    if reverse or isinstance(instance, Permission):
        return
    if action.startswith("pre_"):
        instance.permissions_before = _permission_names(instance)
        return
    before, after = instance.__dict__.pop("permissions_before", []), _permission_names(instance)
    if before != after:
        record(
            AuditAction.PERMISSIONS_CHANGED,
            Target.of(instance),
            before={"permissions": before},
            after={"permissions": after},
        )


# --- settings and shared views -------------------------------------------------------------------


@receiver(post_save)
def _after_setting(sender: type[models.Model], instance: Any, **_signal: Any) -> None:
    if sender not in SETTINGS or "stored" not in vars(instance):
        return
    stored, after = vars(instance).pop("stored"), _values(instance, _names_of(sender))
    if stored is None:
        record(AuditAction.SETTING_CREATED, Target.of(instance), after=after)
        return
    before, after = _difference(stored, after)
    if after:
        record(AuditAction.SETTING_CHANGED, Target.of(instance), before=before, after=after)


@receiver(post_delete)
def _after_setting_deletion(sender: type[models.Model], instance: Any, **_signal: Any) -> None:
    if sender in SETTINGS:
        record(AuditAction.SETTING_DELETED, Target.of(instance), before=_values(instance, _names_of(sender)))


def _view_values(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "query": masked(str(values["query"]))}


@receiver(post_save, sender=SavedView)
def _after_view(instance: SavedView, **_signal: Any) -> None:
    is_noted = "stored" in vars(instance)
    stored = vars(instance).pop("stored", None) or {"is_shared": False, "query": ""}
    was_shared = stored["is_shared"]
    if not is_noted or not (instance.is_shared or was_shared):
        return
    before, after = _difference(_view_values(stored), _view_values(_values(instance, _VIEW_FIELDS)))
    if not after:
        return
    action = AuditAction.VIEW_CHANGED if was_shared else AuditAction.VIEW_SHARED
    if not instance.is_shared:
        action = AuditAction.VIEW_WITHDRAWN
    record(action, Target.of(instance), before=before, after=after)


@receiver(post_delete, sender=SavedView)
def _after_view_deletion(instance: SavedView, **_signal: Any) -> None:
    if instance.is_shared:
        before = _view_values(_values(instance, _VIEW_FIELDS))
        record(AuditAction.VIEW_WITHDRAWN, Target.of(instance), before=before)
