"""The admin pages of the library: what is there and who owns it; writes go through the services.

Pieces and what their owners wrote are theirs: staff may look, move to the trash and remove, not rewrite.
"""

import contextlib
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from library import services
from library.models import Collection, Piece, Rendering, ShareLink, Tag
from library.querysets import PieceQuerySet
from library.templatetags.music import clock
from library.texts import clean_line


class LookedAt(admin.ModelAdmin):
    """Shown, not edited."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class StateFilter(admin.SimpleListFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("kept", "Kept"), ("draft", "Drafts"), ("trash", "In trash"), ("due", "Due for deletion")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Piece]) -> QuerySet[Piece]:
        pieces: PieceQuerySet = queryset  # type: ignore[assignment]
        match self.value():
            case "kept":
                return pieces.kept().not_trashed()
            case "draft":
                return pieces.drafts().not_trashed()
            case "trash":
                return pieces.exclude(trashed_at=None)
            case "due":
                return pieces.due()
        return pieces


@admin.register(Piece)
class PieceAdmin(LookedAt):
    list_display = ["title", "genre_name", "ensemble_name", "length", "whose", "state", "is_example", "created_at"]
    list_select_related = ["owner"]
    list_filter = [StateFilter, "genre", "kind", "is_example"]
    search_fields = ["search_text"]
    search_help_text = "Words from the title, tags or comments, an exact username, or a piece ID."
    actions = ["move_to_trash", "take_from_trash"]
    # Stored files have no address, so the usual link to one cannot be drawn; the words and the picture tell nobody
    # anything. A guest's key opens the guest's library.
    exclude = ["midi", "guest_key", "roll", "tags"]
    readonly_fields = ["id", "stored_as", "tag_names", "search_text", "version", "created_at"]

    @admin.display(description="Length", ordering="length_seconds")
    def length(self, piece: Piece) -> str:
        return clock(piece.length_seconds)

    @admin.display(description="Owner", ordering="owner__username")
    def whose(self, piece: Piece) -> str:
        return piece.owner.username if piece.owner else "a guest" if piece.guest_key else "–"

    @admin.display(description="State")
    def state(self, piece: Piece) -> str:
        return "in trash" if piece.trashed_at else "draft" if piece.is_draft else "kept"

    @admin.display(description="MIDI file")
    def stored_as(self, piece: Piece) -> str:
        return str(piece.midi.name)

    @admin.display(description="Tags")
    def tag_names(self, piece: Piece) -> str:
        return ", ".join(piece.tags.order_by("name").values_list("name", flat=True)) or "–"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Piece], search_term: str
    ) -> tuple[QuerySet[Piece], bool]:
        """By the index of the words, as everywhere; an id or a name alone finds by that."""
        pieces: PieceQuerySet = queryset  # type: ignore[assignment]
        term = clean_line(search_term)
        with contextlib.suppress(ValueError):
            return pieces.filter(pk=UUID(term)), False
        by_name = pieces.filter(owner__username=term)
        return (by_name if term and by_name.exists() else pieces.found_by(term)), False

    @admin.action(description="Move to trash", permissions=["delete"])
    def move_to_trash(self, request: HttpRequest, queryset: QuerySet[Piece]) -> None:
        count = services.pieces_trash(pieces=queryset)  # type: ignore[arg-type]
        self.message_user(request, f"{count} moved to trash.", messages.SUCCESS)

    @admin.action(description="Restore from trash", permissions=["delete"])
    def take_from_trash(self, request: HttpRequest, queryset: QuerySet[Piece]) -> None:
        count = services.pieces_restore(pieces=queryset)  # type: ignore[arg-type]
        self.message_user(request, f"{count} restored.", messages.SUCCESS)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Who may remove a piece removes what hangs on it, sound files among it."""
        to_delete, counts, _, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Piece) -> None:
        services.piece_delete(piece=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Piece]) -> None:
        services.pieces_delete(pieces=queryset)  # type: ignore[arg-type]


@admin.register(Tag)
class TagAdmin(LookedAt):
    list_display = ["name", "owner", "pieces_count"]
    list_select_related = ["owner"]
    search_fields = ["name", "=owner__username"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        return super().get_queryset(request).annotate(count=Count("pieces"))

    @admin.display(description="Pieces", ordering="count")
    def pieces_count(self, tag: Tag) -> int:
        return tag.count  # type: ignore[attr-defined]  # annotated


@admin.register(Collection)
class CollectionAdmin(LookedAt):
    list_display = ["title", "owner", "pieces_count", "updated_at"]
    list_select_related = ["owner"]
    search_fields = ["title", "=owner__username"]
    readonly_fields = ["first_pieces"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        return super().get_queryset(request).annotate(count=Count("pieces"))

    @admin.display(description="Pieces", ordering="count")
    def pieces_count(self, collection: Collection) -> int:
        return collection.count  # type: ignore[attr-defined]  # annotated

    @admin.display(description="First 50 pieces")
    def first_pieces(self, collection: Collection) -> str | SafeString:
        pieces = Piece.objects.in_collection(collection)[:50]
        return (
            format_html_join(
                "",
                '<div><a href="{}">{}</a></div>',
                ((reverse("admin:library_piece_change", args=[piece.pk]), piece.title) for piece in pieces),
            )
            or "None."
        )


@admin.register(ShareLink)
class ShareLinkAdmin(LookedAt):
    """Without the tokens: anyone who has one can play the piece."""

    list_display = ["piece", "owner", "created_at", "expires_at", "revoked_at", "views_count"]
    list_select_related = ["piece__owner"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    exclude = ["token"]
    search_fields = ["=piece__owner__username", "piece__title", "=token"]
    search_help_text = "A title, an exact username, or the last part of a reported link."
    actions = ["revoke"]

    @admin.display(ordering="piece__owner__username")
    def owner(self, link: ShareLink) -> str:
        return str(link.piece.owner or "–")

    @admin.action(description="Revoke", permissions=["delete"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ShareLink]) -> None:
        for link in queryset:
            services.share_link_revoke(link=link)
        self.message_user(request, "Links revoked.", messages.SUCCESS)


@admin.register(Rendering)
class RenderingAdmin(LookedAt):
    list_display = ["piece_title", "format", "status", "percent", "size", "attempts", "created_at", "finished_at"]
    list_select_related = ["piece"]
    list_filter = ["status", "format"]
    search_fields = ["piece__title", "=piece__owner__username"]
    exclude = ["file"]

    @admin.display(description="Piece", ordering="piece__title")
    def piece_title(self, rendering: Rendering) -> SafeString:
        address = reverse("admin:library_piece_change", args=[rendering.piece_id])
        return format_html('<a href="{}">{}</a>', address, rendering.piece.title)

    @admin.display(description="Done", ordering="share")
    def percent(self, rendering: Rendering) -> str:
        return f"{rendering.share:.0%}"

    @admin.display(description="Size", ordering="size_bytes")
    def size(self, rendering: Rendering) -> str:
        return filesizeformat(rendering.size_bytes)

    def has_delete_permission(self, request: HttpRequest, obj: Rendering | None = None) -> bool:
        return False  # they go by themselves, files and rows
