from django.contrib import admin

from library.models import Piece


@admin.register(Piece)
class PieceAdmin(admin.ModelAdmin):
    list_display = ["title", "genre_name", "ensemble_name", "length_seconds", "owner", "is_example", "created_at"]
    list_filter = ["genre", "is_example"]
    search_fields = ["title", "id"]
    readonly_fields = ["id", "midi", "size_bytes", "created_at", "seed", "bundle_sha256", "runtime"]
    raw_id_fields = ["owner"]
