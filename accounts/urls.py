"""Addresses of accounts. Those of django-allauth have the names that it looks for (`signing_urls`)."""

from django.urls import path

from accounts import email_views, export_views, pages, passkey_views, views

app_name = "accounts"

urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/email/", email_views.email, name="email"),
    path("account/email/undo/<str:key>/", email_views.email_undo, name="email-undo"),
    path("account/activity/", views.activity, name="activity"),
    path("account/again/options/", passkey_views.confirm_options, name="confirm-options"),
    path("account/sessions/", views.sessions, name="sessions"),
    path("account/sessions/end/", views.session_end, name="session-end"),
    path("account/tokens/", views.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", views.token_revoke, name="token-revoke"),
    path("account/passkeys/", passkey_views.passkeys, name="passkeys"),
    path("account/passkeys/options/", passkey_views.passkey_options, name="passkey-options"),
    path("account/passkeys/login/", passkey_views.passkey_login, name="passkey-login"),
    path("account/passkeys/<int:pk>/remove/", passkey_views.passkey_remove, name="passkey-remove"),
    path("account/export/", export_views.exports, name="exports"),
    path("account/export/<uuid:pk>/status/", export_views.export_status, name="export-status"),
    path("account/export/<uuid:pk>/stop/", export_views.export_stop, name="export-stop"),
    path("account/export/<uuid:pk>/download/", export_views.export_download, name="export-download"),
    path("account/delete/", views.delete, name="delete"),
    path("account/restore/", views.restore, name="restore"),
    path("privacy/", pages.site_text, {"slug": "privacy"}, name="privacy"),
    path("terms/", pages.site_text, {"slug": "terms"}, name="terms"),
    path("contact/", pages.site_text, {"slug": "contact"}, name="contact"),
]
