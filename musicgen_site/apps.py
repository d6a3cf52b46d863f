import contextlib
import tempfile
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings

from musicgen_site.private_files import close_to_others, make_folder


def written_folders() -> list[Path]:
    """The folders on this machine that the running site writes to."""
    folders = [Path(settings.VAR_DIR), Path(settings.BUNDLE_CACHE_DIR)]
    if not settings.S3_BUCKET:
        folders.append(Path(settings.MEDIA_ROOT))
    if settings.USES_FILESYSTEM_BROKER:
        folders += [Path(settings.BROKER_DIR) / name for name in ("messages", "control", "processed")]
    return folders


def unwritable_reason(folder: Path) -> str:
    """Why no file can be made in the folder; empty when one can."""
    try:
        make_folder(folder)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".check-"):
            return ""
    except OSError as error:
        return error.strerror or str(error)


class SiteConfig(AppConfig):
    name = "musicgen_site"
    label = "musicgen_site"
    verbose_name = "Site"

    def ready(self) -> None:
        from musicgen_site import checks  # noqa: F401  registers the system checks

        for folder in written_folders():
            # A folder that cannot be made is named by the system checks, with what to do.
            with contextlib.suppress(OSError):
                make_folder(folder)
        close_to_others(written_folders(), database=_database_file(), secrets=Path(settings.BASE_DIR) / ".env")


def _database_file() -> Path | None:
    database = settings.DATABASES["default"]
    return Path(database["NAME"]) if database["ENGINE"].endswith("sqlite3") else None
