"""The folder that carries messages where there is no broker: kombu's filesystem transport, safe to read while written.

kombu writes a message in place, so a worker that looks ten times a second now and then takes half a file, and a worker
that takes half a file ends. Here a message gets its name only when it is whole, and what cannot be read is left out:
the job's row still stands, and the sweep sends its message again.

The same holds for the table that says which queue an exchange feeds: a full disk or a kill while kombu writes it leaves
an empty file, with which no worker starts and no message leaves any more.
"""

import logging
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps

logger = logging.getLogger(__name__)


class Channel(filesystem.Channel):
    def get_table(self, exchange: str) -> list[Any]:
        try:
            return super().get_table(exchange)
        except ValueError:
            logger.warning("The table of exchange %s could not be read; recreating it.", exchange)
            return []

    def _queue_bind(self, exchange: str, routing_key: str | None, pattern: str | None, queue: str) -> None:
        """Raises OSError where the folder cannot be written."""
        table = self.get_table(exchange)
        binding = (routing_key or "", pattern or "", queue or "")
        if binding not in table:
            file: Path = self._exchange_file(exchange)  # type: ignore[attr-defined]
            _write_whole(file, dumps([binding, *table]))

    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        """Raises OSError where the folder cannot be written."""
        # Readers go by the order of names. Kombu's count from when the machine started, so that a reboot mixes them up.
        whole = Path(self.data_folder_out) / f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        _write_whole(whole, dumps(payload))

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        try:
            message = super()._get(queue)
        except ValueError as error:
            logger.warning("A message in the broker folder could not be read and was skipped: %s", error)
            raise Empty from error
        if not isinstance(message, dict) or "body" not in message or "properties" not in message:
            logger.warning("A file in the broker folder is not a message and was skipped.")
            raise Empty
        return message


def _write_whole(file: Path, text: str) -> None:
    """Gives the file its name once it is complete; another process may be writing the same one."""
    part = file.with_name(f"{file.name}.{uuid.uuid4().hex}.part")
    try:
        part.write_text(text)
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)
        raise


class Transport(filesystem.Transport):
    Channel = Channel
