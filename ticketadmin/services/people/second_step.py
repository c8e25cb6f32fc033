"""The second step of signing in: a code of an authenticator app (TOTP, RFC 6238), or a recovery code.

The attacker has a user's password, perhaps their mailbox, and guesses codes, replays one that was observed,
or sends one twice concurrently. A code is valid once, one time step early or late at most; guesses are
counted like wrong passwords, and the device itself waits longer after each. Recovery codes are stored as
keyed digests and are valid once. The secret of a device leaves the server only in the page that sets it up.
"""

import secrets
from enum import StrEnum

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from ticketadmin.models import AuditAction, RecoveryCode, User
from ticketadmin.services.audit.record import Target, record
from ticketadmin.services.people.access import require_over
from ticketadmin.services.people.accounts import sign_out_everywhere

RECOVERY_CODE_COUNT = 10
MAX_CODE_TYPED = 40  # characters
_DIGITS = 6
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without the letters and digits that look alike
_LENGTH, _GROUP = 16, 4
DEVICE = "app"


class SecondStepPolicy(StrEnum):
    """The values of the setting SECOND_STEP: which users must set it up."""

    NOBODY = "nobody"
    LEADS = "leads"
    ALL = "all"


class WrongCode(ValidationError):
    """The code is wrong, was used already, or comes too early after a wrong one. Nothing was changed."""

    def __init__(self) -> None:
        message = _(
            "This code is wrong or was used already. Wait for the next one; after several wrong ones it "
            "takes longer."
        )
        super().__init__(message, code="wrong")


class SecondStepRequired(ValidationError):
    """The settings require this user to have a second step: it cannot be switched off."""

    def __init__(self) -> None:
        message = _("The settings of this tool require it. It was not switched off.")
        super().__init__(message, code="demanded")


def is_possible(user: User) -> bool:
    """Return whether the user can have a second step here; users of the company's sign-in use its own."""
    return user.source in settings.SECOND_STEP_SOURCES


def is_on(user: User) -> bool:
    """Return whether signing in asks this user for a code."""
    return user.second_step_since is not None and is_possible(user)


def is_demanded(user: User) -> bool:
    """Return whether the user has to set it up before anything else."""
    if settings.SECOND_STEP == SecondStepPolicy.NOBODY or not is_possible(user):
        return False
    is_lead = user.may("run_bulk_updates") or user.may("administer")
    return settings.SECOND_STEP == SecondStepPolicy.ALL or is_lead


def stamp(user: User) -> str:
    """Return the stamp that a session stores after the second step; it differs for each device."""
    return user.second_step_since.isoformat() if user.second_step_since else ""


def set_up(user: User) -> str:
    """Return the otpauth: address that gives an app the user's new secret; the same until it is confirmed."""
    devices = TOTPDevice.objects.filter(user=user, confirmed=False)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # two tabs at once show one secret
        device = devices.first() or TOTPDevice.objects.create(user=user, name=DEVICE, confirmed=False)
    return str(device.config_url)


def switch_on(user: User, code: str) -> list[str]:
    """Require codes from now on, given the app's first one; return new recovery codes, to be shown once.

    The user's other sessions end, since they passed no second step. Raises WrongCode.
    """
    with transaction.atomic():
        is_right = user.second_step_since is None and _verify(user, code, confirmed=False)
        if is_right:
            TOTPDevice.objects.filter(user=user, confirmed=True).delete()
            TOTPDevice.objects.filter(user=user, confirmed=False).update(confirmed=True)
            user.second_step_since = timezone.now()
            user.save(update_fields=["second_step_since"])
            record(AuditAction.SECOND_STEP_ON, Target.of(user), user=user)
    if not is_right:  # raised outside the transaction, which keeps the count of wrong codes
        raise WrongCode
    return _new_codes(user)


def check(user: User, typed: str) -> None:
    """Accept a code of the app or a recovery code, once. Raises WrongCode."""
    code = "".join(typed.split()).replace("-", "").upper() if len(typed) <= MAX_CODE_TYPED else ""
    is_right = _verify(user, code, confirmed=True) if len(code) == _DIGITS else _use_recovery_code(user, code)
    if not is_right:
        raise WrongCode


def renew_codes(user: User, typed: str) -> list[str]:
    """Replace the recovery codes, given a valid code, and return the new ones. Raises WrongCode."""
    check(user, typed)
    return _new_codes(user)


def codes_left(user: User) -> int:
    """Return how many recovery codes were not used yet."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def switch_off(user: User, typed: str) -> None:
    """Stop requiring codes, given a valid one. Raises WrongCode and SecondStepRequired."""
    if is_demanded(user):
        raise SecondStepRequired
    check(user, typed)
    with transaction.atomic():
        _forget(user)
        record(AuditAction.SECOND_STEP_OFF, Target.of(user), user=user)


def reset(account: User, *, user: User) -> None:
    """Remove the second step of a user who lost the device, and end their sessions. Raises Forbidden."""
    require_over(user, account)
    with transaction.atomic():
        _forget(account)
        record(AuditAction.SECOND_STEP_RESET, Target.of(account), user=user)
        sign_out_everywhere(account, user=user)


def reset_by_command(user: User) -> None:
    """Remove it by the command line of the server, if no other administrator can."""
    with transaction.atomic():
        _forget(user)
        record(AuditAction.SECOND_STEP_RESET, Target.of(user))
        sign_out_everywhere(user, user=user)


def _forget(user: User) -> None:
    TOTPDevice.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    user.second_step_since = None
    user.save(update_fields=["second_step_since"])


def _verify(user: User, code: str, *, confirmed: bool) -> bool:
    """Check a code with the device's row locked, so that concurrent requests cannot use it twice."""
    if not (len(code) == _DIGITS and code.isdecimal()):
        return False
    with transaction.atomic():
        devices = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=confirmed)
        device = devices.first()
        return device is not None and bool(device.verify_token(code))


def _use_recovery_code(user: User, code: str) -> bool:
    unused = RecoveryCode.objects.filter(user=user, digest=_digest(user, code), used_at=None)
    with transaction.atomic():
        if not unused.update(used_at=timezone.now()):
            return False
        left = {"left": codes_left(user)}
        record(AuditAction.RECOVERY_CODE_USED, Target.of(user), details=left, user=user)
    return True


def _new_codes(user: User) -> list[str]:
    codes = [
        "".join(secrets.choice(_ALPHABET) for _place in range(_LENGTH))
        for _number in range(RECOVERY_CODE_COUNT)
    ]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        rows = [RecoveryCode(user=user, digest=_digest(user, code)) for code in codes]
        RecoveryCode.objects.bulk_create(rows)
        record(AuditAction.RECOVERY_CODES_MADE, Target.of(user), user=user)
    return ["-".join(code[i : i + _GROUP] for i in range(0, _LENGTH, _GROUP)) for code in codes]


def _digest(user: User, code: str) -> str:
    return salted_hmac("ticketadmin.recovery", f"{user.pk} {code}", algorithm="sha256").hexdigest()
