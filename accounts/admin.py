"""Users with their limits, the site's texts, and account records, in the admin area."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.emails import masked
from accounts.events import Kind, event_log, factor_name
from accounts.models import ApiToken, SecurityEvent, SiteText, User
from accounts.pages import default_text
from accounts.services import session_end, sessions_end
from accounts.tokens import token_revoke, tokens_revoke

LIMITS = ("seconds_per_hour", "stored_bytes", "running_jobs")
ROLES = {"is_staff": "staff", "is_superuser": "superuser", "is_active": "active"}


class NewPasswordForm(AdminPasswordChangeForm):
    """A password that an admin sets ends sessions and API tokens, as one that the member sets."""

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit)
        event_log(user=user, kind=Kind.PASSWORD_CHANGED, detail="by an admin")
        tokens_revoke(user=user)
        sessions_end(user=user)
        return user


@admin.register(User)
class MemberAdmin(UserAdmin):
    change_password_form = NewPasswordForm
    fieldsets = (
        *(UserAdmin.fieldsets or ()),
        ("Limits", {"fields": LIMITS, "description": "Leave empty to use the settings for guests, members and staff."}),
        ("Deletion", {"fields": ("deletion_requested_at",)}),
    )
    readonly_fields = ("deletion_requested_at",)
    list_display = ("username", "email", "is_staff", "is_active", "date_joined", "deletion_requested_at")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """What a user may do is never changed without a trace."""
        before = User.objects.filter(pk=obj.pk).values(*ROLES, "email").first() or {"is_active": True}
        super().save_model(request, obj, form, change)
        changed = [
            f"{word}: {'yes' if getattr(obj, name) else 'no'}"
            for name, word in ROLES.items()
            if getattr(obj, name) != before.get(name, False)
        ]
        if changed:
            detail = f"{', '.join(changed)} (by {request.user.get_username()})"
            event_log(user=obj, kind=Kind.ROLE, detail=detail, request=request)
        if change and obj.email != before.get("email"):
            detail = f"{masked(obj.email) or 'removed'} (by {request.user.get_username()})"
            event_log(user=obj, kind=Kind.EMAIL_CHANGED, detail=detail, request=request)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Groups and single permissions are rights too."""
        before = self._rights(form.instance)
        super().save_related(request, form, formsets, change)
        if self._rights(form.instance) != before:
            detail = f"groups or permissions (by {request.user.get_username()})"
            event_log(user=form.instance, kind=Kind.ROLE, detail=detail, request=request)

    @staticmethod
    def _rights(user: User) -> tuple[set[int], set[int]]:
        groups = set(user.groups.values_list("pk", flat=True))
        return groups, set(user.user_permissions.values_list("pk", flat=True))


@admin.register(SiteText)
class SiteTextAdmin(admin.ModelAdmin):
    list_display = ("slug", "updated_at", "is_our_own")
    readonly_fields = ("the_text_that_comes_with_the_site", "updated_at")

    @admin.display(boolean=True, description="Customized")
    def is_our_own(self, row: SiteText) -> bool:
        return bool(row.text.strip())

    @admin.display(description="Default text")
    def the_text_that_comes_with_the_site(self, row: SiteText) -> str:
        return default_text(row.slug) if row.slug else ""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A page that is removed would only show the text that comes with the site; clear the text for that."""
        return False


class ReadOnly(admin.ModelAdmin):
    """To look at; nothing is added or changed here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly):
    """To look at, and to remove. Nobody but their owners can make one."""

    list_display = ("prefix", "name", "user", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    exclude = ("token_hash",)

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        token_revoke(token=obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset.select_related("user"):
            token_revoke(token=token)
        super().delete_queryset(request, queryset)


class AuthenticatorAdmin(ReadOnly):
    """Passkeys, authenticator apps and recovery codes: to remove for members who have lost theirs."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = ("type",)
    search_fields = ("user__username",)
    exclude = ("data",)

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        detail = f"{factor_name(obj)} (by {request.user.get_username()})"
        event_log(user=obj.user, kind=Kind.FACTOR_REMOVED, detail=detail, request=request)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> None:
        for authenticator in queryset.select_related("user"):
            self.delete_model(request, authenticator)


class EmailAddressAdmin(ReadOnly):
    """Addresses of members. They are changed by their owners, who prove them."""

    list_display = ("email", "user", "primary", "verified")
    list_select_related = ("user",)
    list_filter = ("verified",)
    search_fields = ("email", "user__username")

    def delete_model(self, request: HttpRequest, obj: EmailAddress) -> None:
        detail = f"{masked(obj.email)} (by {request.user.get_username()})"
        event_log(user=obj.user, kind=Kind.EMAIL_REMOVED, detail=detail, request=request)
        obj.remove()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[EmailAddress]) -> None:
        for address in queryset.select_related("user"):
            self.delete_model(request, address)


class UserSessionAdmin(ReadOnly):
    """Where members are signed in. A session that is deleted here ends; its key would let anybody take it over."""

    list_display = ("user", "created_at", "last_seen_at", "ip", "user_agent")
    list_select_related = ("user",)
    search_fields = ("user__username", "ip")
    exclude = ("session_key", "data")

    def delete_model(self, request: HttpRequest, obj: UserSession) -> None:
        session_end(session=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[UserSession]) -> None:
        for session in queryset:
            session_end(session=session)


# In the place of django-allauth's own, which show secrets and change addresses without a trace.
for model, ours in (
    (Authenticator, AuthenticatorAdmin),
    (EmailAddress, EmailAddressAdmin),
    (UserSession, UserSessionAdmin),
):
    admin.site.unregister(model)
    admin.site.register(model, ours)


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnly):
    """What happened is not edited."""

    list_display = ("created_at", "user", "kind", "detail", "device", "network")
    list_select_related = ("user",)
    list_filter = ("kind", "created_at")
    search_fields = ("user__username", "address_hash")
    date_hierarchy = "created_at"

    @admin.display(description="Network (hash)")
    def network(self, event: SecurityEvent) -> str:
        return event.address_hash[:8]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They go with their user, and only so; Django asks this on the page that deletes one."""
        return "/accounts/user/" in request.path
