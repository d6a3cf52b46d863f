"""Reads of pieces and related rows, as sentences."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, cast

from django.conf import settings
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import connections, models
from django.db.models import Count, F, OuterRef, Q
from django.utils import timezone

from accounts.models import User
from accounts.owners import OwnedQuerySet, Owner
from library.paging import ORDERINGS
from library.words import words_of

if TYPE_CHECKING:
    from library.filters import PieceFilters
    from library.models import Collection, Piece, Rendering, ShareLink, Tag  # noqa: F401  named in the base classes


class PieceQuerySet(OwnedQuerySet["Piece"]):
    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def not_expired(self) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))

    def not_trashed(self) -> Self:
        return self.filter(trashed_at=None)

    def kept(self) -> Self:
        """Without drafts."""
        return self.filter(is_draft=False)

    def drafts(self) -> Self:
        return self.filter(is_draft=True)

    def to_clear(self) -> Self:
        """Drafts that are not favourites."""
        return self.drafts().filter(is_favourite=False)

    def favourites(self) -> Self:
        return self.filter(is_favourite=True)

    def expired(self) -> Self:
        return self.filter(expires_at__lte=timezone.now())

    def due(self) -> Self:
        """What is to be removed for ever by now. A member's kept piece is so from the trash alone."""
        now = timezone.now()
        over = Q(expires_at__lte=now) & (Q(owner=None) | Q(is_draft=True) | Q(trashed_at__isnull=False))
        return self.filter(over | Q(trashed_at__lte=now - timedelta(days=settings.TRASH_DAYS)))

    def in_library(self, owner: Owner) -> Self:
        """What its owner's lists show: drafts too, nothing from the trash."""
        return self.owned_by(owner).not_trashed().not_expired()

    def in_trash(self, owner: Owner) -> Self:
        """What its owner may still take back."""
        return self.owned_by(owner).exclude(trashed_at=None).not_expired().order_by("-trashed_at", "-pk")

    def in_collection(self, collection: "Collection") -> Self:
        """In the collection's order, without what is in the trash; `KeysetPage` knows it as "position"."""
        there = self.filter(collection_items__collection=collection).not_trashed().not_expired()
        return there.annotate(position=F("collection_items__position")).order_by("position", "pk")

    def visible_to(self, owner: Owner) -> Self:
        """Own pieces and the examples that everyone may hear."""
        return (self.owned_by(owner) | self.examples()).not_trashed().not_expired()

    def examples(self) -> Self:
        return self.filter(is_example=True)

    def found_by(self, text: str) -> Self:
        """Those whose title, tags or comment have a word that begins with each word of `text`."""
        if not text.strip():
            return self
        words = words_of(text)
        if not words:
            return self.none()
        if connections[self.db].vendor == "postgresql":
            query = SearchQuery(" & ".join(f"{word}:*" for word in words), config="simple", search_type="raw")
            # The very expression of the index piece_search.
            return self.alias(search=SearchVector("search_text", config="simple")).filter(search=query)
        for word in words:
            self = self.filter(search_text__contains=f" {word}")
        return self

    def tagged(self, name: str) -> Self:
        links = self.model.tags.through.objects.filter(piece_id=OuterRef("pk"), tag__owner=OuterRef("owner"))
        return self.filter(models.Exists(links.filter(tag__name__iexact=name)))

    def filtered(self, filters: "PieceFilters") -> Self:
        """Those that a page of the library or the API asks for; in no order."""
        self = self.found_by(filters.q)
        wanted: dict[str, Any] = {
            "genre": filters.genre,
            "ensemble": filters.type,
            "style": filters.style,
            "key": filters.key,
            "kind": filters.origin,
            "qpm__gte": filters.qpm_min,
            "qpm__lte": filters.qpm_max,
            "length_seconds__gte": filters.length_min,
            "length_seconds__lte": filters.length_max,
            "created_at__gte": filters.starts_at,
            "created_at__lt": filters.ends_at,
            "rating": filters.rating,
            "is_draft": {"draft": True, "kept": False}.get(filters.state),
            "is_favourite": True if filters.favourite else None,
        }
        self = self.filter(**{name: value for name, value in wanted.items() if value not in (None, "")})
        if filters.collection is not None:
            items = self.model._meta.get_field("collection_items").related_model
            there = items._default_manager.filter(piece_id=OuterRef("pk"), collection_id=filters.collection)
            self = self.filter(models.Exists(there.filter(collection__owner=OuterRef("owner"))))
        return self.tagged(filters.tag) if filters.tag else self

    def sorted_by(self, sort: str) -> Self:
        """In one of the orders of `library.paging.ORDERINGS`."""
        return cast(Self, ORDERINGS[sort].applied(self))

    def facets(self) -> dict[str, list[tuple[str, str]]]:
        """What these pieces offer to filter by: `genres`, `types`, `styles` and `keys` as (value, name), by name."""
        return self.facets_and_drafts()[0]

    def facets_and_drafts(self) -> tuple[dict[str, list[tuple[str, str]]], int]:
        """`facets`, and how many are drafts: both from one look through the index piece_owner_facets."""
        fields = ("genre", "genre_name", "ensemble", "ensemble_name", "style", "style_name", "key")
        rows = self.order_by().values_list(*fields).annotate(drafts=Count("genre", filter=Q(is_draft=True)))
        found: dict[str, dict[str, str]] = {"genres": {}, "types": {}, "styles": {}, "keys": {}}
        drafts_count = 0
        for genre, genre_name, ensemble, ensemble_name, style, style_name, key, drafts in rows:
            drafts_count += drafts
            for facet, value, name in (
                ("genres", genre, genre_name),
                ("types", ensemble, ensemble_name),
                ("styles", style, style_name),
                ("keys", key, key),
            ):
                if value:
                    found[facet][value] = name or value
        facets = {facet: sorted(choices.items(), key=lambda choice: choice[1]) for facet, choices in found.items()}
        return facets, drafts_count


class TagQuerySet(models.QuerySet["Tag"]):
    def of(self, user: User) -> Self:
        return self.filter(owner=user).order_by("name")

    def with_counts(self) -> Self:
        """With `pieces_count`, of those that the library shows."""
        there = Q(pieces__trashed_at=None) & (Q(pieces__expires_at=None) | Q(pieces__expires_at__gt=timezone.now()))
        return self.annotate(pieces_count=Count("pieces", filter=there))


class CollectionQuerySet(models.QuerySet["Collection"]):
    def of(self, user: User) -> Self:
        return self.filter(owner=user)

    def owned_by(self, owner: Owner) -> Self:
        """A member's; guests have none."""
        return self.filter(owner=owner.user) if owner.user is not None else self.none()

    def by_title(self) -> Self:
        return self.order_by("title", "pk")

    def with_counts(self) -> Self:
        """With `pieces_count`, of those that can be heard."""
        there = Q(pieces__trashed_at=None) & (Q(pieces__expires_at=None) | Q(pieces__expires_at__gt=timezone.now()))
        return self.annotate(pieces_count=Count("pieces", filter=there))


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def open(self) -> Self:
        """Links that work now."""
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
