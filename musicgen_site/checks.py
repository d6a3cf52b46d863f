"""System checks: settings that make sense alone and not together, and folders that cannot be written."""

import os
import tempfile
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from generator.engine.runtimes.choice import has_gpu
from musicgen_site.apps import unwritable_reason, written_folders


@register(Tags.files)
def folders_are_writable(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for folder in written_folders():
        reason = unwritable_reason(folder)
        if reason:
            broker = settings.USES_FILESYSTEM_BROKER and folder.is_relative_to(settings.BROKER_DIR)
            use = "broker folder" if broker else "media folder" if folder == settings.MEDIA_ROOT else "folder"
            name = "BROKER_DIR" if broker else "MEDIA_ROOT" if use == "media folder" else "VAR_DIR"
            messages.append(
                Error(
                    f"The {use} {folder} cannot be written: {reason}.",
                    hint=f"Let the user who runs the site write there, or set {name} to another folder.",
                    id="musicgen_site.E001",
                )
            )
    return messages


@register(Tags.files)
def broker_folders_share_a_file_system(**kwargs: Any) -> list[CheckMessage]:
    """kombu takes a message by renaming its file; across file systems that is a copy, and two workers may both win."""
    if not settings.USES_FILESYSTEM_BROKER:
        return []
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    taken_to = options["processed_folder"] if options.get("store_processed") else tempfile.gettempdir()
    try:
        same = os.stat(options["data_folder_in"]).st_dev == os.stat(taken_to).st_dev
    except OSError:
        return []  # named by folders_are_writable
    if same:
        return []
    return [
        Error(
            f"The broker keeps messages in {options['data_folder_in']} and moves them to {taken_to}, "
            "which is another file system.",
            hint="Keep both folders on one file system, with nothing mounted inside BROKER_DIR.",
            id="musicgen_site.E002",
        )
    ]


@register(Tags.security)
def profile_makes_sense(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if settings.SERVES_OTHERS and settings.DEBUG:
        messages.append(
            Error(
                "DEBUG is on while the site is public: error pages would show its settings to anyone.",
                hint="Remove DEBUG from the environment.",
                id="musicgen_site.E003",
            )
        )
    database = settings.DATABASES["default"]["ENGINE"].rsplit(".", 1)[-1]
    if settings.S3_BUCKET and settings.USES_FILESYSTEM_BROKER:
        messages.append(
            checks.Warning(
                "Files are in S3, but the broker is a folder: workers on other machines never get a job.",
                hint="Set BROKER_URL to redis://… or amqp://….",
                id="musicgen_site.W001",
            )
        )
    if not settings.USES_FILESYSTEM_BROKER and database == "sqlite3":
        messages.append(
            checks.Warning(
                "The broker is a server, but the database is a SQLite file: workers on other machines can't read it.",
                hint="Set DATABASE_URL to postgresql://….",
                id="musicgen_site.W002",
            )
        )
    if settings.SECURE_SSL_REDIRECT and not settings.TRUSTED_PROXIES:
        messages.append(
            checks.Warning(
                "SITE_URL starts with https://, but TRUSTED_PROXIES is empty: behind a proxy, every request looks like "
                "plain http and browsers are stuck in a redirect loop.",
                hint="Set TRUSTED_PROXIES to the addresses of your proxies, such as 127.0.0.1 or 10.0.0.0/8. If the "
                "web process handles TLS itself, set SSL_REDIRECT=0.",
                id="musicgen_site.W004",
            )
        )
    if settings.GUESTS_SECONDS_PER_HOUR < settings.GUEST_SECONDS_PER_HOUR:
        messages.append(
            checks.Warning(
                "GUESTS_SECONDS_PER_HOUR (all guests together) is less than GUEST_SECONDS_PER_HOUR (one guest): a "
                "single guest can use up the music of all.",
                hint="Raise GUESTS_SECONDS_PER_HOUR, or lower GUEST_SECONDS_PER_HOUR.",
                id="musicgen_site.W006",
            )
        )
    if settings.SERVES_OTHERS and not settings.SERVED_OVER_HTTPS:
        messages.append(
            checks.Warning(
                "The site is public, but SITE_URL starts with http://: passwords and cookies travel unencrypted.",
                hint="Set SITE_URL to the https:// address that visitors use.",
                id="musicgen_site.W003",
            )
        )
    if settings.SERVED_OVER_HTTPS and not settings.STAFF_REQUIRE_SECOND_FACTOR:
        messages.append(
            checks.Warning(
                "STAFF_REQUIRE_SECOND_FACTOR is off: on a public site, a password alone opens the admin area.",
                hint="Remove STAFF_REQUIRE_SECOND_FACTOR from the environment; staff then set up a second step first.",
                id="musicgen_site.W010",
            )
        )
    return messages


@register(Tags.compatibility)
def runtime_fits_the_machine(**kwargs: Any) -> list[CheckMessage]:
    if settings.RUNTIME != "tensorflow" or has_gpu():
        return []
    return [
        checks.Warning(
            "RUNTIME is tensorflow, but TensorFlow finds no GPU here: a worker needs about 800 MB and more than ten "
            "times the CPU time of LiteRT.",
            hint="Set RUNTIME to auto, or see the section on GPUs in docs/deployment.md.",
            id="musicgen_site.W005",
        )
    ]
