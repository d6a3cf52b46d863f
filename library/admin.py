from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from library import services
from library.models import Piece


@admin.register(Piece)
class PieceAdmin(admin.ModelAdmin):
    list_display = ["title", "genre_name", "ensemble_name", "length_seconds", "owner", "is_example", "created_at"]
    list_filter = ["genre", "is_example"]
    search_fields = ["title", "id"]
    # Stored files have no address, so the usual link to one cannot be drawn.
    exclude = ["midi"]
    readonly_fields = ["id", "file_name", "size_bytes", "created_at", "seed", "bundle_sha256", "runtime"]
    raw_id_fields = ["owner"]

    @admin.display(description="MIDI file")
    def file_name(self, piece: Piece) -> str:
        return str(piece.midi.name)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Piece) -> None:
        services.piece_delete(piece=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Piece]) -> None:
        for piece in queryset:
            services.piece_delete(piece=piece)
