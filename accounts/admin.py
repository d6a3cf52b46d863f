"""Users with their limits, the site's texts, and what stands around accounts, in the administration."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from accounts.models import ApiToken, SiteText, User
from accounts.pages import default_text

LIMITS = ("seconds_per_hour", "stored_bytes", "running_jobs")


@admin.register(User)
class MemberAdmin(UserAdmin):
    fieldsets = (
        *(UserAdmin.fieldsets or ()),
        ("Limits", {"fields": LIMITS, "description": "Empty: as the settings say for guests, members and staff."}),
        ("Deletion", {"fields": ("deletion_requested_at",)}),
    )
    readonly_fields = ("deletion_requested_at",)
    list_display = ("username", "email", "is_staff", "is_active", "date_joined", "deletion_requested_at")


@admin.register(SiteText)
class SiteTextAdmin(admin.ModelAdmin):
    list_display = ("slug", "updated_at", "is_our_own")
    readonly_fields = ("the_text_that_comes_with_the_site", "updated_at")

    @admin.display(boolean=True, description="Written here")
    def is_our_own(self, row: SiteText) -> bool:
        return bool(row.text.strip())

    @admin.display(description="The text that comes with the site")
    def the_text_that_comes_with_the_site(self, row: SiteText) -> str:
        return default_text(row.slug) if row.slug else ""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A page that is removed would only show the text that comes with the site; clear the text for that."""
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """To look at, and to remove. Nobody but their owners can make one."""

    list_display = ("prefix", "name", "user", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    exclude = ("token_hash",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
