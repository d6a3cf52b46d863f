"""What the site writes is for the user alone who runs it: database, stored files, messages, backups, settings."""

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

UMASK = 0o077
FOLDER_MODE = 0o700


def write_privately() -> None:
    """For every process that writes what belongs to members: files that it makes from now on are its user's alone.

    Not for all commands: migrations that a developer makes, and static files, are for others too.
    """
    os.umask(UMASK)


def make_folder(folder: Path) -> None:
    """With those above it that are not there yet. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(FOLDER_MODE, exist_ok=True)


def close_to_others(folders: Iterable[Path], *, database: Path | None = None, secrets: Path | None = None) -> None:
    """Closes what an earlier version left open to other users of the machine, and says so in the log.

    A folder that is closed already is not looked into: nobody else can reach what is in it. A shared one (such as /tmp)
    and one of another user are left as they are, with a warning.
    """
    closed = 0
    for folder in folders:
        if _is_open(folder, 0o077) and _may_close(folder):
            closed += sum(_close(path, 0o077) for path in _whole(folder))
    for path, others in ((database, 0o077), (secrets, 0o007)):
        if path is not None and _is_open(path, others) and _may_close(path):
            closed += _close(path, others)
    if closed:
        logger.warning("Closed %d files and folders that other users of this machine could read.", closed)


def _whole(folder: Path) -> Iterator[Path]:
    # The folder itself first: from then on nobody else can reach the rest.
    yield folder
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files))


def _is_open(path: Path, others: int) -> bool:
    try:
        return bool(path.stat().st_mode & others)
    except OSError:
        return False  # not there, or not ours to look at: the system checks name a folder that cannot be used


def _may_close(path: Path) -> bool:
    facts = path.stat()
    if facts.st_mode & stat.S_ISVTX or os.geteuid() not in (0, facts.st_uid):
        logger.warning("%s is open to other users of this machine. Give the site a folder of its own.", path)
        return False
    return True


def _close(path: Path, others: int) -> bool:
    """Whether it was open. Links are left alone, and what is gone by now."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode) or not mode & others:
            return False
        path.chmod(stat.S_IMODE(mode) & ~others)
    except OSError as error:
        logger.warning("%s could not be closed to other users: %s", path, error.strerror)
        return False
    return True
