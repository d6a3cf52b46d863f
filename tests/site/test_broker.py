"""The folder that carries messages: whole ones in their order, and none that ends a worker."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from django.conf import settings
from kombu import Connection, Exchange, Producer, Queue
from kombu.exceptions import ChannelError, OperationalError

from generator import tasks
from generator.delivery import deliver
from musicgen_site import celery_app
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


@pytest.mark.parametrize("content", ["", '[["comp', '[["compose", "", "compose"]]'])
def test_a_table_that_was_cut_off_is_made_anew(channel: Channel, tmp_path: Path, content: str) -> None:
    """As a full disk or a kill leaves it: before, no message left and no worker started any more."""
    table = tmp_path / "control" / "compose.exchange"
    table.write_text(content)
    Transport.global_state.clear()
    queue = Queue("compose", Exchange("compose"), "compose", channel=channel)
    queue.declare()
    assert channel.get_table("compose") == [("compose", "", "compose")]
    Producer(channel, exchange=Exchange("compose"), routing_key="compose").publish({"id": 1})
    message = queue.get(no_ack=True)
    assert message
    assert message.payload == {"id": 1}
    assert [path.name for path in (tmp_path / "control").iterdir()] == ["compose.exchange"]


def test_a_job_stays_queued_where_no_message_can_be_written(tmp_path: Path) -> None:
    """The folder of the site itself, with a file in its place."""
    folder, kept = Path(settings.BROKER_DIR) / "messages", tmp_path / "kept"
    folder.rename(kept)
    folder.touch()
    try:
        assert deliver(uuid.uuid4()) is False
    finally:
        folder.unlink()
        kept.rename(folder)
    assert deliver(uuid.uuid4()) is True


@pytest.mark.parametrize("error", [OSError(28, "No space left"), ChannelError("control"), OperationalError("away")])
def test_whatever_is_wrong_with_the_broker_loses_no_job(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(pk: str) -> None:
        raise error

    monkeypatch.setattr(tasks.compose, "delay", refuse)
    assert deliver(uuid.uuid4()) is False


def test_the_site_uses_it() -> None:
    with celery_app.producer_or_acquire() as producer:
        assert isinstance(producer.channel, Channel)
