from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from generator import services
from generator.models import Generation, Genre, GenreModel, WorkerBeat


@admin.register(Genre)
class GenreAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "position", "active_model"]
    list_editable = ["position"]
    readonly_fields = ["active_model"]


@admin.register(GenreModel)
class GenreModelAdmin(admin.ModelAdmin):
    """Models come in by `import_genre_model`, which checks their bundle; here one is chosen."""

    list_display = ["name", "genre", "version", "status", "activated_at", "created_at"]
    list_filter = ["genre", "status"]
    # Stored files have no address, so the usual link to one cannot be drawn.
    exclude = ["bundle"]
    readonly_fields = [
        "genre",
        "version",
        "name",
        "sha256",
        "file_name",
        "manifest",
        "status",
        "created_at",
        "activated_at",
    ]
    actions = ["activate"]

    @admin.display(description="Bundle")
    def file_name(self, genre_model: GenreModel) -> str:
        return str(genre_model.bundle.name)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description="Let the chosen model compose its genre", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[GenreModel]) -> None:
        for genre_model in queryset.select_related("genre"):
            services.genre_model_activate(genre_model=genre_model)
            self.message_user(request, f"{genre_model.name} now composes {genre_model.genre.name}.", messages.SUCCESS)


@admin.register(Generation)
class GenerationAdmin(admin.ModelAdmin):
    list_display = ["created_at", "genre", "length_seconds", "status", "attempts", "error_code", "worker_id", "owner"]
    list_filter = ["status", "genre", "error_code"]
    search_fields = ["id"]
    actions = ["cancel"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Generation | None = None) -> bool:
        return False

    @admin.action(description="Cancel the chosen jobs", permissions=["view"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Generation]) -> None:
        for generation in Generation.objects.unfinished().filter(pk__in=queryset):
            services.generation_cancel(generation=generation)


@admin.register(WorkerBeat)
class WorkerBeatAdmin(admin.ModelAdmin):
    list_display = ["worker_id", "hostname", "pid", "started_at", "seen_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: WorkerBeat | None = None) -> bool:
        return False
