"""The folder that carries messages: whole ones in their order, and none that ends a worker."""

from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

from musicgen_site.broker import Channel, Transport

MESSAGE = {"body": "e30=", "properties": {}}


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Channel]:
    folders = {name: tmp_path / name for name in ("messages", "control", "processed")}
    for folder in folders.values():
        folder.mkdir()
    options = {
        "data_folder_in": str(folders["messages"]),
        "data_folder_out": str(folders["messages"]),
        "control_folder": str(folders["control"]),
        "store_processed": True,
        "processed_folder": str(folders["processed"]),
    }
    with Connection("filesystem://localhost", transport=Transport, transport_options=options) as connection:
        channel = connection.default_channel
        assert isinstance(channel, Channel)
        yield channel


def test_messages_come_out_as_they_went_in(channel: Channel, tmp_path: Path) -> None:
    for number in range(12):
        channel._put("compose", {**MESSAGE, "number": number})
    channel._put("maintenance", MESSAGE)
    assert [channel._get("compose")["number"] for _ in range(12)] == list(range(12))
    with pytest.raises(Empty):
        channel._get("compose")
    assert [path.name.split(".", 1)[1] for path in (tmp_path / "messages").iterdir()] == ["maintenance.msg"]


@pytest.mark.parametrize("content", ["", '{"body": "e30', "[]", '{"a": 1}', "\x00"])
def test_what_is_no_message_is_left_out(channel: Channel, tmp_path: Path, content: str) -> None:
    (tmp_path / "messages" / "-broken.compose.msg").write_text(content)
    channel._put("compose", MESSAGE)
    with pytest.raises(Empty):
        channel._get("compose")
    assert channel._get("compose") == MESSAGE


def test_a_message_has_no_name_before_it_is_whole(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    replace = Path.replace

    def look_before(self: Path, target: Path) -> Path:
        with pytest.raises(Empty):
            channel._get("compose")
        seen.append(self.read_text())
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", look_before)
    channel._put("compose", MESSAGE)
    assert len(seen) == 1
    assert channel._get("compose") == MESSAGE


def test_a_folder_that_cannot_be_written_leaves_nothing(channel: Channel, tmp_path: Path) -> None:
    (tmp_path / "messages").rmdir()
    with pytest.raises(OSError, match="No such file"):
        channel._put("compose", MESSAGE)


def test_the_site_uses_it() -> None:
    from musicgen_site import celery_app

    with celery_app.producer_or_acquire() as producer:
        assert isinstance(producer.channel, Channel)
