"""Personal tokens for the API: made and revoked on the account's page, found again by their hash."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.events import Kind, event_log
from accounts.models import ApiToken, User

TOKEN_START = "mg_"  # noqa: S105  what a token begins with is no secret
MAX_TOKENS = 20
# Written down at most this often: a script that asks every second is no reason for a write a second.
LAST_USED_SECONDS = 60

__all__ = ["ApiToken", "token_create", "token_find", "token_revoke", "tokens_revoke"]


def token_create(
    *, user: User, name: str, scopes: Iterable[str], expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """The row and the token itself, which is nowhere else. Raises ValidationError."""
    plain = TOKEN_START + secrets.token_urlsafe(32)
    token = ApiToken(
        user=user,
        name=name,
        prefix=plain[:8],
        token_hash=_hash(plain),
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    unknown = set(token.scopes) - set(ApiToken.Scope.values)
    if unknown or not token.scopes:
        raise ValidationError({"scopes": "Choose read, write or both."})
    token.full_clean()
    with transaction.atomic():
        # One of a user after the other, so that two at once cannot both be the last.
        User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
        if ApiToken.objects.of(user).not_revoked().count() >= MAX_TOKENS:
            raise ValidationError(f"You already have {MAX_TOKENS} tokens. Revoke one you no longer use.")
        token.save(force_insert=True)
        event_log(user=user, kind=Kind.TOKEN_MADE, detail=_called(token))
    return token, plain


def token_find(plain: str) -> ApiToken | None:
    """The token that may be used now, with its user; None for one that is unknown, revoked, expired or of an account
    that is closed. Says when it was used last."""
    if not plain.startswith(TOKEN_START) or len(plain) > 200:
        return None
    # By the hash: how long the search takes says nothing of the token.
    token = ApiToken.objects.usable().select_related("user").filter(token_hash=_hash(plain)).first()
    if token is not None:
        now = timezone.now()
        long_ago = Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(seconds=LAST_USED_SECONDS))
        ApiToken.objects.filter(long_ago, pk=token.pk).update(last_used_at=now)
    return token


def token_revoke(*, token: ApiToken) -> None:
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            event_log(user=token.user, kind=Kind.TOKEN_REMOVED, detail=_called(token))


def tokens_revoke(*, user: User) -> int:
    """All of a member's, and returns how many still worked."""
    with transaction.atomic():
        worked = ApiToken.objects.of(user).usable().count()
        ApiToken.objects.of(user).not_revoked().update(revoked_at=timezone.now())
        if worked:
            event_log(user=user, kind=Kind.TOKENS_ENDED, detail=f"{worked} in all")
    return worked


def _called(token: ApiToken) -> str:
    """How its member knows it by; the first signs are no secret."""
    return f"“{token.name}”, {token.prefix}…"


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode()).hexdigest()
