"""Retention periods in words: every text that names a number of days takes it from here, and so from the settings."""

from django.conf import settings

# What texts call it → the setting.
KEPT = {
    "guest": "GUEST_DAYS",
    "draft": "DRAFT_DAYS",
    "trash": "TRASH_DAYS",
    "generation": "GENERATION_DAYS",
    "export": "DATA_EXPORT_DAYS",
    "deletion": "ACCOUNT_DELETION_DAYS",
    "session": "SESSION_DAYS",
    "address": "CLIENT_HASH_DAYS",
    "activity": "SECURITY_EVENT_DAYS",
    "email_undo": "EMAIL_UNDO_DAYS",
}


def kept_days() -> dict[str, str]:
    """The names of `KEPT` with their lengths in words, such as "7 days"."""
    return {name: days_text(setting) for name, setting in KEPT.items()}


def days_text(setting: str) -> str:
    """What a setting says, in words: "1 day", "7 days"."""
    count = getattr(settings, setting)
    return f"{count} day{'' if count == 1 else 's'}"
