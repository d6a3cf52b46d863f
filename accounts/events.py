"""Recent activity: what touches the safety of an account, written down where it happens."""

from typing import Any

from allauth.account import signals as account_signals
from allauth.core import context
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.devices import device_of
from accounts.guests import client_address, client_network
from accounts.models import SecurityEvent, User
from accounts.querysets import SecurityEventQuerySet

Kind = SecurityEvent.Kind

# A limit that is hit a hundred times in a row is one event.
LIMIT_ONCE_SECONDS = 300
# What anybody can cause by typing names: attempts with names that nobody has, and failures of one account.
MAX_OF_NOBODY, MAX_FAILURES_OF_ONE = 20_000, 1_000
FACTORS = {
    Authenticator.Type.TOTP: "Authenticator app",
    Authenticator.Type.WEBAUTHN: "Passkey",
    Authenticator.Type.RECOVERY_CODES: "Recovery codes",
}


def event_log(*, user: User | None, kind: str, detail: str = "", request: HttpRequest | None = None) -> SecurityEvent:
    """Writes one row; who asks is known from the request in progress. `detail` must hold no secret."""
    asked: HttpRequest | None = request or context.request
    return SecurityEvent.objects.create(
        user=user,
        kind=kind,
        detail=detail[:200],
        address_hash=address_hash(asked) if asked else "",
        device=device_of(asked)[:100] if asked else "",
    )


def address_hash(request: HttpRequest) -> str:
    """Tells networks apart without naming them: keyed, so that no one can try all addresses without our key."""
    network = client_network(client_address(request))
    return salted_hmac("accounts.events", network, algorithm="sha256").hexdigest()[:32] if network else ""


def limit_log(*, request: HttpRequest, user: User | None, what: str) -> None:
    """Writes that a limit was reached, once in five minutes for one network and one thing."""
    key = f"limit-event:{address_hash(request)}:{user.pk if user else ''}:{what}"
    if cache.add(key, 1, timeout=LIMIT_ONCE_SECONDS):
        event_log(user=user, kind=Kind.LIMIT, detail=what, request=request)


def events_expire() -> int:
    """Removes what is old, and of what strangers cause without an account the oldest where it is too much. Each failure
    is written first, or the time of an answer would tell whether a name exists."""
    count, _ = SecurityEvent.objects.expired().delete()
    count += _all_but_newest(SecurityEvent.objects.of_nobody(), MAX_OF_NOBODY)
    failures = SecurityEvent.objects.failures()
    for user in failures.users_with_more_than(MAX_FAILURES_OF_ONE):
        count += _all_but_newest(failures.filter(user=user), MAX_FAILURES_OF_ONE)
    return count


def _all_but_newest(events: SecurityEventQuerySet, at_most: int) -> int:
    first_too_many = events.order_by("-created_at", "-pk").values_list("created_at", flat=True)[at_most : at_most + 1]
    return sum(events.filter(created_at__lte=moment).delete()[0] for moment in first_too_many)


def connect() -> None:
    """Listens to what django-allauth does; called when the app is ready."""
    listeners: list[tuple[Any, Any]] = [
        (account_signals.password_changed, _on_password_changed),
        (account_signals.password_set, _on_password_changed),
        (account_signals.password_reset, _on_password_reset),
        (account_signals.login_code_rejected, _on_code_rejected),
        (account_signals.password_reset_code_rejected, _on_code_rejected),
        (mfa_signals.authentication_failed, _on_factor_failed),
        (mfa_signals.authenticator_added, _on_factor_added),
        (mfa_signals.authenticator_removed, _on_factor_removed),
        (mfa_signals.authenticator_reset, _on_codes_made),
    ]
    for signal, listener in listeners:
        signal.connect(listener, dispatch_uid=f"accounts.events.{listener.__name__}.{id(signal)}")


def _on_password_changed(sender: Any, request: Any, user: User, **kwargs: Any) -> None:
    event_log(user=user, kind=Kind.PASSWORD_CHANGED, request=request)


def _on_password_reset(sender: Any, request: Any, user: User, **kwargs: Any) -> None:
    event_log(user=user, kind=Kind.PASSWORD_RESET, request=request)


def _on_code_rejected(sender: Any, request: Any, user: User, **kwargs: Any) -> None:
    event_log(user=user, kind=Kind.SIGN_IN_FAILED, detail="Wrong code", request=request)


def _on_factor_failed(sender: Any, request: Any, user: User, **kwargs: Any) -> None:
    event_log(user=user, kind=Kind.SIGN_IN_FAILED, detail="Wrong second step", request=request)


def _on_factor_added(sender: Any, request: Any, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    event_log(user=user, kind=Kind.FACTOR_ADDED, detail=factor_name(authenticator), request=request)


def _on_factor_removed(sender: Any, request: Any, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    event_log(user=user, kind=Kind.FACTOR_REMOVED, detail=factor_name(authenticator), request=request)


def _on_codes_made(sender: Any, request: Any, user: User, **kwargs: Any) -> None:
    event_log(user=user, kind=Kind.CODES_MADE, request=request)


def factor_name(authenticator: Authenticator) -> str:
    """ "Passkey “My phone”", "Authenticator app"."""
    kind = FACTORS[Authenticator.Type(authenticator.type)]
    name = authenticator.data.get("name")
    return f"{kind} “{name}”" if name else kind


def attempt_failed(*, request: HttpRequest, username: str, email: str) -> None:
    """A wrong password. The same work whether the name exists or not, so that its time tells nothing."""
    event_log(user=user_named(username=username, email=email), kind=Kind.SIGN_IN_FAILED, request=request)


def user_named(*, username: str, email: str) -> User | None:
    if username:
        return User.objects.by_name(username)
    # An address that was not proven may be somebody else's, whose attempts are no business of who wrote it down.
    return User.objects.filter(emailaddress__email__iexact=email, emailaddress__verified=True).first()
