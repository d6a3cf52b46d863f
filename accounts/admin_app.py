"""The administration as an app; beside accounts.apps, where Django looks for one app alone."""

from django.contrib.admin.apps import AdminConfig


class SafeAdminConfig(AdminConfig):
    """With our own site around it."""

    default_site = "accounts.admin_site.SafeAdminSite"
