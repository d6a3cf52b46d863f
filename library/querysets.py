"""Reads of pieces and what stands around them, as sentences."""

from typing import TYPE_CHECKING, Self

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import connections, models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.owners import OwnedQuerySet, Owner
from library.words import words_of

if TYPE_CHECKING:
    from library.models import Collection, Piece, Rendering, ShareLink, Tag  # noqa: F401  named in the base classes


class PieceQuerySet(OwnedQuerySet["Piece"]):
    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def not_expired(self) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))

    def not_trashed(self) -> Self:
        return self.filter(trashed_at=None)

    def kept(self) -> Self:
        """Without drafts, those that nobody has chosen yet."""
        return self.filter(is_draft=False)

    def drafts(self) -> Self:
        return self.filter(is_draft=True)

    def favourites(self) -> Self:
        return self.filter(is_favourite=True)

    def expired(self) -> Self:
        return self.filter(expires_at__lte=timezone.now())

    def in_library(self, owner: Owner) -> Self:
        """What its owner's lists show: drafts too, nothing from the trash."""
        return self.owned_by(owner).not_trashed().not_expired()

    def in_trash(self, owner: Owner) -> Self:
        return self.owned_by(owner).exclude(trashed_at=None).not_expired().order_by("-trashed_at", "-pk")

    def visible_to(self, owner: Owner) -> Self:
        """Own pieces and the examples that everyone may hear."""
        return (self.owned_by(owner) | self.examples()).not_trashed().not_expired()

    def examples(self) -> Self:
        return self.filter(is_example=True)

    def found_by(self, text: str) -> Self:
        """Those whose title, tags or comment have a word that begins with each word of `text`."""
        words = words_of(text)
        if not words:
            return self
        if connections[self.db].vendor == "postgresql":
            query = SearchQuery(" & ".join(f"{word}:*" for word in words), config="simple", search_type="raw")
            # The very expression of the index piece_search.
            return self.annotate(search=SearchVector("search_text", config="simple")).filter(search=query)
        for word in words:
            self = self.filter(search_text__contains=f" {word}")
        return self


class TagQuerySet(models.QuerySet["Tag"]):
    def of(self, user: User) -> Self:
        return self.filter(owner=user).order_by("name")


class CollectionQuerySet(models.QuerySet["Collection"]):
    def of(self, user: User) -> Self:
        return self.filter(owner=user)

    def by_title(self) -> Self:
        return self.order_by("title", "pk")


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def open(self) -> Self:
        """Those that whoever has the address may use now."""
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None, piece__trashed_at=None
        ).filter(
            Q(piece__expires_at=None) | Q(piece__expires_at__gt=timezone.now()),
            Q(piece__owner=None) | Q(piece__owner__is_active=True),
        )


class RenderingQuerySet(models.QuerySet["Rendering"]):
    def queued(self) -> Self:
        return self.filter(status="queued")

    def running(self) -> Self:
        return self.filter(status="running")

    def oldest_first(self) -> Self:
        return self.order_by("created_at", "pk")

    def of_claim(self, rendering: "Rendering") -> Self:
        """The row, as long as the worker that claimed this attempt still holds it."""
        return self.running().filter(pk=rendering.pk, worker_id=rendering.worker_id, attempts=rendering.attempts)
