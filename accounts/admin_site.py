"""The admin site: it uses our sign-in page, and asks staff to confirm it's them now and then."""

from functools import update_wrapper
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator

from accounts.second_factor import staff_step


class SafeAdminSite(AdminSite):
    @method_decorator(secure_admin_login)
    def login(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Reached by staff who are signed in; everybody else was led to the site's own sign-in, with its limits and its
        second step."""
        return super().login(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseRedirect:  # type: ignore[override]
        """Of the account's own page, which ends tokens and sessions and tells the member; Django's does not."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            leaves = request.path == reverse("admin:logout")
            step = None if leaves or not self.has_permission(request) else staff_step(request)
            return step or inner(request, *args, **kwargs)

        return update_wrapper(checked, inner)
