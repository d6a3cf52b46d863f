"""The pages of uploaded bundles: the form, the check while it runs, and how it ended."""

import logging
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from generator import services
from generator.admin_pages import progress_bar, user_of
from generator.models import BundleUpload
from generator.progress import worker_seen
from generator.services.bundle_uploads import MAX_UPLOAD_BYTES

logger = logging.getLogger(__name__)

# How often the page of a check that has not ended loads itself again.
REFRESH_SECONDS = 2


class BundleUploadForm(forms.Form):
    bundle = forms.FileField(
        label="Bundle",
        help_text=f"A .bundle file up to {MAX_UPLOAD_BYTES // 2**20} MB, made by train_genre_model.",
    )


class BundleUploadAdmin(admin.ModelAdmin):
    list_display = ["file_name", "status", "outcome", "created_at"]
    list_filter = ["status", "created_at"]
    list_per_page = 50
    search_fields = ["file_name", "sha256", "message"]
    date_hierarchy = "created_at"
    fields = ["file_name", "state", "result", "genre_model", "measured", "size", "sha256", "uploaded_by", "created_at"]
    readonly_fields = ["state", "result", "measured", "size", "created_at"]
    actions = ["stop"]
    change_form_template = "admin/generator/bundleupload/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.stop_view)
        return [path("<int:pk>/stop/", view, name="generator_bundleupload_stop"), *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: BundleUpload | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: BundleUpload | None = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_add_permission(request)

    def has_stop_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    @admin.display(description="Size")
    def size(self, upload: BundleUpload) -> str:
        return f"{upload.size_bytes / 2**20:.1f} MB"

    @admin.display(description="Result")
    def outcome(self, upload: BundleUpload) -> str | SafeString:
        return upload.message if upload.is_finished else progress_bar(upload.share)

    @admin.display(description="Check")
    def state(self, upload: BundleUpload) -> SafeString:
        if upload.status == BundleUpload.Status.WAITING:
            words = "Waiting for a worker." if worker_seen() else "Waiting. No worker is running: start one."
        elif upload.status == BundleUpload.Status.CHECKING:
            words = "Stopping." if upload.stop_requested_at else f"{upload.step}."
        else:
            return format_html("{}", upload.get_status_display())
        return format_html("{} {}", progress_bar(upload.share), words)

    @admin.display(description="Result")
    def result(self, upload: BundleUpload) -> str:
        return upload.message or ("–" if upload.is_finished else "This page refreshes until the check ends.")

    @admin.display(description="Measured")
    def measured(self, upload: BundleUpload) -> str | SafeString:
        facts = upload.facts
        if not facts:
            return "–"
        built = "rebuilt from its weights" if facts["rebuilt"] else "matches its weights"
        index = "included" if facts["originality"] else "none: pieces will have no originality figure"
        lines = [
            ("Step function", built),
            ("int8 against float32", f"{facts['divergence']:g} nats per event"),
            ("Originality index", index),
            (
                "Trial piece",
                f"{facts['notes']} notes in {facts['length_seconds']:g} s (seed {facts['seed']}), no errors",
            ),
        ]
        return format_html_join("", "<div><strong>{}:</strong> {}</div>", lines)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = BundleUploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                upload = services.bundle_upload_create(file=form.cleaned_data["bundle"], user=user_of(request))
            except ValidationError as error:
                form.add_error("bundle", error)
            except OSError:
                logger.exception("An uploaded bundle cannot be stored.")
                form.add_error("bundle", "The file could not be stored. Try again in a few minutes.")
            else:
                self.log_addition(request, upload, "Uploaded.")
                return HttpResponseRedirect(reverse("admin:generator_bundleupload_change", args=[upload.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": "Upload a bundle",
            "form": form,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/generator/bundleupload/upload.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        upload = self.get_object(request, object_id)
        context: dict[str, Any] = {"title": "Bundle upload"}
        if upload is not None:
            model = upload.genre_model
            context["may_stop"] = not upload.is_finished and self.has_stop_permission(request)
            context["may_activate"] = (
                model is not None
                and model.genre.active_model_id != model.pk
                and request.user.has_perm("generator.change_genremodel")
            )
        response = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        if upload is not None and not upload.is_finished:
            # The page carries no script of its own: the browser loads it again.
            response["Refresh"] = str(REFRESH_SECONDS)
        return response

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ends the check; a form on its page posts here."""
        upload = self.get_object(request, str(pk))
        if not self.has_stop_permission(request):
            raise PermissionDenied
        if upload is not None and request.method == "POST":
            services.bundle_upload_stop(upload=upload)
            self.log_change(request, upload, "Stopped.")
            return HttpResponseRedirect(reverse("admin:generator_bundleupload_change", args=[upload.pk]))
        return HttpResponseRedirect(reverse("admin:generator_bundleupload_changelist"))

    @admin.action(description="Stop the selected checks", permissions=["stop"])
    def stop(self, request: HttpRequest, queryset: QuerySet[BundleUpload]) -> None:
        for upload in queryset:
            services.bundle_upload_stop(upload=upload)
        self.message_user(request, "Unfinished checks were stopped.", messages.SUCCESS)

    def delete_model(self, request: HttpRequest, obj: BundleUpload) -> None:
        services.bundle_upload_delete(upload=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[BundleUpload]) -> None:
        for upload in queryset:
            services.bundle_upload_delete(upload=upload)
