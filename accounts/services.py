"""Writes of accounts: signing up and in, the address, sessions, deleting and undoing it."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.devices import is_known_device
from accounts.events import Kind, event_log
from accounts.guests import SESSION_NAME, client_address, guest_key
from accounts.hand_over import guest_hand_over
from accounts.models import ApiToken, User
from accounts.registry import registry

logger = logging.getLogger(__name__)

# In a session: whose deletion may be undone here (user, second of the sign-in).
RESTORE_SESSION_NAME = "restore_account"
RESTORE_SECONDS = 600


def signed_in(*, request: HttpRequest, user: User) -> None:
    """Whenever a session becomes a member's, wherever that happens: the guest it was hands everything over."""
    key = guest_key(request)
    if key is not None:
        pieces = guest_hand_over(guest_key=key, user=user, keep=_wanted(request))
        del request.session[SESSION_NAME]
        if pieces:
            sentence = f"{_pieces(pieces)} you made here {'is' if pieces == 1 else 'are'} in your library now."
            messages.success(request, sentence, fail_silently=True)
    # A guest's session is shorter.
    request.session.set_expiry(settings.SESSION_COOKIE_AGE)
    if client_address(request):
        UserSession.objects.create_from_request(request)
    told = [_how(request, user), "" if is_known_device(request, user) else "new device"]
    event_log(user=user, kind=Kind.SIGN_IN, detail=", ".join(filter(None, told)), request=request)
    # Who has just signed in need not confirm that it is them.
    record_authentication(request, user, method="sign_in", reauthenticated=True)


def _how(request: HttpRequest, user: User) -> str:
    """By what this session was signed in."""
    records = get_authentication_records(request, user)
    if not records:
        return ""
    match records[-1]["method"]:
        case "password":
            return "password"
        case "code":
            return "code by email"
        case "mfa":
            return "passkey" if records[-1].get("passwordless") else "second step"
    return ""


def _wanted(request: HttpRequest) -> UUID | None:
    """The piece whose page offered to keep it."""
    try:
        return UUID(request.POST.get("keep", ""))
    except ValueError:
        return None


def _pieces(count: int) -> str:
    return "The piece" if count == 1 else f"The {count} pieces"


def email_set(*, user: User, email: str) -> EmailAddress | None:
    """The account's only address, not proven; an empty one removes it. Where mail is sent, `accounts.emails` asks."""
    with transaction.atomic():
        same = EmailAddress.objects.filter(user=user, email__iexact=email).first() if email else None
        if same is not None:
            return same
        EmailAddress.objects.filter(user=user).delete()
        User.objects.filter(pk=user.pk).update(email=email)
        user.email = email
        if not email:
            return None
        return EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)


def session_end(*, session: UserSession) -> None:
    session.end()


def sessions_end(*, user: User, but: str | None = None) -> int:
    """Ends the sessions of a user, all but the one with the key `but`, and returns how many."""
    sessions = UserSession.objects.filter(user=user).exclude(session_key=but or "")
    count = 0
    for session in sessions:
        session.end()
        count += 1
    return count


def account_delete(*, user: User) -> datetime:
    """Closes an account at once and returns when it will be gone. Raises ValidationError for the last admin."""
    if user.is_superuser and not User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk).exists():
        raise ValidationError("You are the only admin of this site. Make someone else an admin first.")
    now = timezone.now()
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=False, deletion_requested_at=now)
        for hide in registry.hidden:
            hide(user)
        event_log(user=user, kind=Kind.DELETION_ASKED)
    sessions_end(user=user)
    logger.info("User %s asked for the deletion of the account.", user.pk)
    return now + timedelta(days=settings.ACCOUNT_DELETION_DAYS)


def deletion_remember(request: HttpRequest, user: User) -> None:
    """Lets the person who just entered the right password undo the deletion, in this session, for ten minutes."""
    request.session[RESTORE_SESSION_NAME] = [user.pk, int(timezone.now().timestamp())]


def deletion_remembered(request: HttpRequest) -> User | None:
    """The user whose deletion this session can undo."""
    found = request.session.get(RESTORE_SESSION_NAME)
    if not isinstance(found, list) or len(found) != 2:
        return None
    pk, since = found
    if timezone.now().timestamp() - since > RESTORE_SECONDS:
        return None
    return User.objects.deletion_asked().filter(pk=pk).first()


def account_restore(*, user: User) -> bool:
    """Undoes the deletion; False when the account has just been removed."""
    with transaction.atomic():
        restored = User.objects.deletion_asked().filter(pk=user.pk).update(is_active=True, deletion_requested_at=None)
        if restored:
            user.refresh_from_db()
            for restore in registry.restored:
                restore(user)
            event_log(user=user, kind=Kind.DELETION_UNDONE)
    return bool(restored)


def accounts_remove(*, at_most: int = 20) -> int:
    """Removes accounts whose time to undo is over, and returns how many. What fails is tried again the next time."""
    count = 0
    for user in User.objects.deletion_due()[:at_most]:
        try:
            for delete in registry.deleted:
                delete(user)
            # Not one that was restored at the last moment.
            removed, _ = User.objects.deletion_asked().filter(pk=user.pk).delete()
        except OSError:
            logger.exception("The account of user %s could not be removed yet.", user.pk)
            continue
        count += bool(removed)
        logger.info("The account of user %s was removed.", user.pk)
    return count


def tokens_of(user: User) -> list[ApiToken]:
    return list(ApiToken.objects.of(user).not_revoked())
