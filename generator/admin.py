"""The admin pages. Writes go through the services; history is shown, not edited."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from generator import services
from generator.admin_pages import about_model, confirmation, progress_bar, user_of
from generator.admin_uploads import BundleUploadAdmin
from generator.errors import GenreModelInUse, NoPreviousModel
from generator.models import BundleUpload, Generation, Genre, GenreModel, Take, WorkerBeat
from generator.services.genre_models import in_use_sentence, previous_model

admin.site.register(BundleUpload, BundleUploadAdmin)


@admin.register(Genre)
class GenreAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "position", "active_model", "return_to"]
    list_editable = ["position"]
    list_select_related = ["active_model"]
    search_fields = ["name", "slug"]
    fields = ["name", "slug", "position", "active_model", "history"]
    readonly_fields = ["slug", "active_model", "history"]
    actions = ["take_off"]
    change_form_template = "admin/generator/genre/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.roll_back_view)
        return [path("<int:pk>/roll-back/", view, name="generator_genre_roll_back"), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a genre comes with its first bundle

    @admin.display(description="Previous model")
    def return_to(self, genre: Genre) -> str | SafeString:
        previous = previous_model(genre)
        if previous is None:
            return "–"
        address = reverse("admin:generator_genre_roll_back", args=[genre.pk])
        return format_html('<a href="{}">Roll back to {}</a>', address, previous.name)

    @admin.display(description="Models used, newest first")
    def history(self, genre: Genre) -> str | SafeString:
        rows = genre.activations.select_related("genre_model", "activated_by")[:20]
        return (
            format_html_join(
                "",
                "<div>{} · {} (version {}){}{}</div>",
                (
                    (
                        date_format(timezone.localtime(row.activated_at), "DATETIME_FORMAT"),
                        row.genre_model.name,
                        row.genre_model.version,
                        f" · by {row.activated_by}" if row.activated_by else "",
                        " · rolled back" if row.undone_at else "",
                    )
                    for row in rows
                ),
            )
            or "None yet."
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        genre = self.get_object(request, object_id)
        previous = genre and request.user.has_perm("generator.change_genremodel") and previous_model(genre)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "previous": previous})

    def roll_back_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks first; then the genre returns to its previous model."""
        genre = self.get_object(request, str(pk))
        if not request.user.has_perm("generator.change_genremodel"):
            raise PermissionDenied
        back = reverse("admin:generator_genre_changelist")
        previous = genre and previous_model(genre)
        if genre is None or previous is None:
            self.message_user(request, "There is no earlier model to roll back to.", messages.ERROR)
            return HttpResponseRedirect(back)
        if request.method != "POST":
            question = f"Use {previous.name} (version {previous.version}) for {genre.name} again?"
            return confirmation(self, request, f"Roll {genre.name} back to its previous model", question, back)
        try:
            model = services.genre_roll_back(genre=genre)
        except NoPreviousModel as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            self.log_change(request, genre, f"Rolled back to {model.name}.")
            self.message_user(request, f"{genre.name} uses {model.name} again.", messages.SUCCESS)
        return HttpResponseRedirect(back)

    @admin.action(description="Turn off: remove from the compose page", permissions=["change"])
    def take_off(self, request: HttpRequest, queryset: QuerySet[Genre]) -> None:
        for genre in queryset:
            services.genre_take_off(genre=genre)
            self.log_change(request, genre, "Turned off.")
            self.message_user(request, f"{genre.name} is turned off. Roll back to its model to turn it on again.")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        sentences = [f"{genre.name} still has models. Delete those first." for genre in objs if genre.models.exists()]
        return deleted, counts, lacking, [*protected, *sentences]


@admin.register(GenreModel)
class GenreModelAdmin(admin.ModelAdmin):
    """Models come in by an upload or by `import_genre_model`; here they are read, activated and removed."""

    list_display = ["name", "genre", "version", "composes_now", "commercial_use", "activated_at"]
    list_display_links = ["name"]
    list_filter = ["genre", "created_at"]
    list_select_related = ["genre"]
    list_per_page = 50
    search_fields = ["name", "sha256", "genre__name"]
    date_hierarchy = "created_at"
    # Stored files have no address, so the usual link to one cannot be drawn.
    fields = readonly_fields = (
        *("name", "genre", "version", "composes_now", "created_at", "activated_at", "about", "sha256", "file_name"),
    )
    actions = ["activate"]
    change_form_template = "admin/generator/genremodel/change_form.html"
    change_list_template = "admin/generator/genremodel/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.activate_view)
        return [path("<int:pk>/activate/", view, name="generator_genremodel_activate"), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="Bundle")
    def file_name(self, genre_model: GenreModel) -> str:
        return str(genre_model.bundle.name)

    @admin.display(description="Active", boolean=True)
    def composes_now(self, genre_model: GenreModel) -> bool:
        return genre_model.genre.active_model_id == genre_model.pk

    @admin.display(description="Commercial use", boolean=True)
    def commercial_use(self, genre_model: GenreModel) -> bool:
        return bool(genre_model.manifest.get("card", {}).get("commercial_use"))

    @admin.display(description="About")
    def about(self, genre_model: GenreModel) -> SafeString:
        return about_model(genre_model.manifest)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        can_upload = request.user.has_perm("generator.add_bundleupload")
        return super().changelist_view(request, {**(extra_context or {}), "can_upload": can_upload})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        model = self.get_object(request, object_id)
        context: dict[str, Any] = {"show_save": False, "show_save_and_continue": False}
        if model and self.has_change_permission(request, model):
            context["may_activate"] = not self.composes_now(model)
            context["previous"] = self.composes_now(model) and previous_model(model.genre)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    @admin.action(description="Activate the selected model", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[GenreModel]) -> HttpResponse | None:
        chosen = list(queryset[:2])
        if len(chosen) == 1:
            return HttpResponseRedirect(reverse("admin:generator_genremodel_activate", args=[chosen[0].pk]))
        self.message_user(request, "Select one model: only one can be active for a genre.", messages.ERROR)
        return None

    def activate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks first; then this model composes its genre."""
        model = self.get_object(request, str(pk))
        if not self.has_change_permission(request, model):
            raise PermissionDenied
        back = reverse("admin:generator_genremodel_changelist")
        if model is None:
            self.message_user(request, "That model has been deleted.", messages.ERROR)
            return HttpResponseRedirect(back)
        if request.method != "POST":
            now = model.genre.active_model
            instead = f" instead of {now.name}" if now and now != model else ""
            question = f"Use {model.name} (version {model.version}) for {model.genre.name}{instead}?"
            return confirmation(self, request, f"Activate {model.name}", question, back)
        services.genre_model_activate(genre_model=model, user=user_of(request))
        self.log_change(request, model, "Activated.")
        self.message_user(request, f"{model.genre.name} now uses {model.name}.", messages.SUCCESS)
        return HttpResponseRedirect(back)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        model = self.get_object(request, object_id)
        if model and self.composes_now(model):
            self.message_user(request, in_use_sentence(model), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:generator_genremodel_change", args=[model.pk]))
        return super().delete_view(request, object_id, extra_context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        sentences = [in_use_sentence(model) for model in objs if self.composes_now(model)]
        return deleted, counts, lacking, [*protected, *sentences]

    def delete_model(self, request: HttpRequest, obj: GenreModel) -> None:
        services.genre_model_delete(genre_model=obj)

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[GenreModel]) -> None:
        for genre_model in queryset:
            try:
                services.genre_model_delete(genre_model=genre_model)
            except GenreModelInUse as error:  # activated between the question and the answer
                self.message_user(request, error.message, messages.ERROR)


class TakeInline(admin.TabularInline):
    model = Take
    fields = readonly_fields = ("index", "attempt", "rank", "score", "faults", "piece")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Generation)
class GenerationAdmin(admin.ModelAdmin):
    list_display = ["created_at", "genre", "made_by", "length_seconds", "status", "attempts", "error_code", "owner"]
    list_filter = ["status", "genre", "kind", "error_code", "created_at"]
    list_select_related = ["genre", "genre_model", "owner"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["id", "owner__username", "error_message", "worker_id"]
    date_hierarchy = "created_at"
    # No page needs a guest's key; a primer is private and has no address.
    exclude = ["primer", "guest_key", "client_hash", "form_token"]
    readonly_fields = ["id", "created_at", "progress"]
    inlines = [TakeInline]
    actions = ["cancel"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Generation | None = None) -> bool:
        return False

    @admin.display(description="Model", ordering="genre_model__name")
    def made_by(self, generation: Generation) -> str:
        return generation.genre_model.name if generation.genre_model else "–"

    @admin.display(description="Progress")
    def progress(self, generation: Generation) -> SafeString:
        done = min(1.0, generation.seconds_composed / max(generation.length_seconds, 1e-9))
        return progress_bar(1.0 if generation.status == Generation.Status.SUCCEEDED else done)

    @admin.action(description="Cancel the selected jobs", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Generation]) -> None:
        for generation in Generation.objects.unfinished().filter(pk__in=queryset):
            services.generation_cancel(generation=generation)
            self.log_change(request, generation, "Cancelled.")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("generator.change_generation")


@admin.register(WorkerBeat)
class WorkerBeatAdmin(admin.ModelAdmin):
    list_display = ["worker_id", "hostname", "pid", "started_at", "seen_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: WorkerBeat | None = None) -> bool:
        return False
