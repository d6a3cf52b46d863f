"""The address of an account: asked for, proven, changed, removed, and taken back by the owner of the one before.

Where mail is sent an account has at most one proven address and one that waits to be proven, which takes the other's
place then and not before. Codes and notices go to the proven one alone.
"""

from datetime import timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.base.internal.flows import delete_dangling_recovery_codes
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.days import kept_days
from accounts.events import Kind, event_log
from accounts.models import EmailChange, User
from accounts.requests import site_address
from accounts.services import account_restore, email_set, sessions_end
from accounts.tokens import tokens_revoke

UNDO_SALT = "accounts.emails.undo"


def proven_address(user: User) -> EmailAddress | None:
    found: EmailAddress | None = EmailAddress.objects.get_verified(user)
    return found


def pending_address(user: User) -> EmailAddress | None:
    """The one that a mail was sent to and that was not proven yet."""
    found: EmailAddress | None = EmailAddress.objects.get_new(user)
    return found


def email_change(*, request: HttpRequest, user: User, email: str) -> None:
    """Sets, changes or removes the address, and says on the next page what happens now."""
    proven = proven_address(user)
    if not email:
        _remove(request=request, user=user, proven=proven)
    elif proven and proven.email == email:
        EmailAddress.objects.filter(user=user, verified=False).delete()
        messages.success(request, f"{email} is already your confirmed address.")
    elif not settings.MAIL_CONFIGURED:
        email_set(user=user, email=email)
        event_log(user=user, kind=Kind.EMAIL_CHANGED, detail=masked(email), request=request)
        messages.success(request, "Email saved.")
    else:
        _pend(request=request, user=user, email=email)
        event_log(user=user, kind=Kind.EMAIL_ASKED, detail=masked(email), request=request)


def _pend(*, request: HttpRequest, user: User, email: str) -> None:
    """Writes to the new address; from then on its row waits to be proven, and another one that waited goes. Where no
    more mail may be asked for today (429) everything stays as it is."""
    address, is_new = EmailAddress.objects.get_or_create(user=user, email=email, defaults={"verified": False})
    try:
        send_verification_email_to_address(request, address)
    except ImmediateHttpResponse:
        if is_new:
            address.delete()
        raise
    with transaction.atomic():
        EmailAddress.objects.filter(user=user, verified=False).exclude(pk=address.pk).delete()
        if proven_address(user) is None:
            # An address from before mail was sent here proves nothing.
            User.objects.filter(pk=user.pk).exclude(email="").update(email="")
            user.email = ""


def _remove(*, request: HttpRequest, user: User, proven: EmailAddress | None) -> None:
    with transaction.atomic():
        email_set(user=user, email="")
        event_log(user=user, kind=Kind.EMAIL_REMOVED, request=request)
        if proven is not None:
            _tell_old_owner(request=request, user=user, old=proven.email, new="")
    messages.success(request, "Email removed.")


def email_changed(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Listens to django-allauth: a new address was proven and is the account's from now on."""
    old, new = kwargs["from_email_address"], kwargs["to_email_address"]
    event_log(user=user, kind=Kind.EMAIL_CHANGED, detail=masked(new.email), request=request)
    if old is not None and old.verified:
        _tell_old_owner(request=request, user=user, old=old.email, new=new.email)


def _tell_old_owner(*, request: HttpRequest, user: User, old: str, new: str) -> None:
    change = EmailChange.objects.create(user=user, old_email=old, new_email=new)
    address = site_address(reverse("accounts:email-undo", args=[undo_key(change)]))
    told = {"user": user, "new_email": masked(new), "undo_url": address, "days": kept_days()}
    transaction.on_commit(get_adapter(request).notice("account/email/address_changed", user, old, told))


def undo_key(change: EmailChange) -> str:
    return signing.dumps(change.pk, salt=UNDO_SALT)


def change_of_key(key: str) -> EmailChange | None:
    """The change that a link may still undo."""
    try:
        pk = signing.loads(key, salt=UNDO_SALT, max_age=timedelta(days=settings.EMAIL_UNDO_DAYS))
    except signing.BadSignature:
        return None
    return EmailChange.objects.undoable().filter(pk=pk).select_related("user").first()


def email_change_undo(*, change: EmailChange, request: HttpRequest) -> User:
    """Gives the account back to the owner of the old address. Raises ValidationError where that cannot be.

    Whoever changed it may know the password, have tokens, passkeys or an open session, or have asked for the account's
    deletion: nothing of that is good any more. Sign-in methods go that were added EMAIL_UNDO_DAYS before the change or
    later; older ones are the owner's. Links of later changes, which others got, are good no more.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=change.user_id)
        if EmailAddress.objects.filter(email=change.old_email, verified=True).exclude(user=user).exists():
            raise ValidationError("This address now belongs to another account. Contact the admin of this site.")
        since = EmailChange.objects.of(user).filter(closed_at=None, changed_at__gte=change.changed_at)
        if not since.filter(pk=change.pk).exists():
            raise ValidationError("This link has already been used.")
        since.update(closed_at=timezone.now())
        EmailAddress.objects.filter(user=user).delete()
        EmailAddress.objects.create(user=user, email=change.old_email, primary=True, verified=True)
        user.email = change.old_email
        user.set_unusable_password()
        user.save(update_fields=["email", "password"])
        tokens_revoke(user=user)
        added_after = change.changed_at - timedelta(days=settings.EMAIL_UNDO_DAYS)
        Authenticator.objects.filter(user=user, created_at__gte=added_after).delete()
        delete_dangling_recovery_codes(user)
        account_restore(user=user)
        event_log(user=user, kind=Kind.EMAIL_UNDONE, detail=masked(change.old_email), request=request)
    sessions_end(user=user)
    return user


def email_changes_expire() -> None:
    EmailChange.objects.expired().delete()


def masked(email: str) -> str:
    """a…@example.org: enough to know one's own by."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}…@{domain}" if domain else ""
