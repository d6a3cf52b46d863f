"""The folder that carries messages where there is no broker: kombu's filesystem transport, safe to read while written.

kombu writes a message in place, so a worker that looks ten times a second now and then takes half a file, and a worker
that takes half a file ends. Here a message gets its name only when it is whole, and what cannot be read is left out:
the job's row still stands, and the sweep sends its message again.
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
    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        """Raises OSError where the folder cannot be written."""
        # Readers go by the order of names. Kombu's count from when the machine started, so that a reboot mixes them up.
        whole = Path(self.data_folder_out) / f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        part = whole.with_name(f"{whole.name}.part")
        try:
            part.write_text(dumps(payload))
            part.replace(whole)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        try:
            message = super()._get(queue)
        except ValueError as error:
            logger.warning("A message in the broker folder could not be read and was left out: %s", error)
            raise Empty from error
        if not isinstance(message, dict) or "body" not in message or "properties" not in message:
            logger.warning("A file in the broker folder is no message and was left out.")
            raise Empty
        return message


class Transport(filesystem.Transport):
    Channel = Channel
