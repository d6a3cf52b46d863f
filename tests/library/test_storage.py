"""Private files on the disk: whole or not at all."""

import errno
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from library.storage import PrivateFileSystemStorage


@pytest.fixture
def storage(tmp_path: Path) -> PrivateFileSystemStorage:
    return PrivateFileSystemStorage(location=str(tmp_path))


def test_saving_again_replaces(storage: PrivateFileSystemStorage, tmp_path: Path) -> None:
    assert storage.save("a/b.mid", ContentFile(b"one, and long")) == "a/b.mid"
    assert storage.save("a/b.mid", ContentFile(b"two")) == "a/b.mid"
    assert storage.open("a/b.mid").read() == b"two"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.mid"]


def test_a_full_disk_leaves_what_was_there(
    storage: PrivateFileSystemStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"half"
            raise OSError(errno.ENOSPC, "No space left on device")

    storage.save("a.mid", ContentFile(b"before"))
    with pytest.raises(OSError, match="No space left"):
        storage.save("a.mid", Failing(b""))
    assert storage.open("a.mid").read() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_deleting_takes_what_a_killed_process_left(storage: PrivateFileSystemStorage, tmp_path: Path) -> None:
    storage.save("a.mid", ContentFile(b"music"))
    (tmp_path / "a.mid.part").write_bytes(b"mus")
    storage.delete("a.mid")
    assert list(tmp_path.iterdir()) == []


def test_a_stored_file_has_no_address(storage: PrivateFileSystemStorage) -> None:
    with pytest.raises(ValueError, match="private"):
        storage.url("a.mid")
