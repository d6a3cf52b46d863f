"""Sends a job's id to the workers."""

import logging
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from kombu.exceptions import ChannelError, OperationalError

logger = logging.getLogger(__name__)

# A job still queued this long after its message was sent is sent again by a worker with nothing to do.
REDELIVER_SECONDS = 10


def next_delivery() -> datetime:
    return timezone.now() + timedelta(seconds=REDELIVER_SECONDS)


def deliver(pk: UUID) -> bool:
    """Sends the message now. A broker that is away loses nothing: the row stays queued and the sweep sends it again."""
    from generator.tasks import compose

    try:
        compose.delay(str(pk))
    except (OSError, ChannelError, OperationalError):
        logger.warning("The message of generation %s could not be sent; it will be sent again.", pk, exc_info=True)
        return False
    return True


def send_bundle_check(pk: int) -> None:
    """Tells a worker that a bundle waits for its check; without the message one finds it within seconds."""
    from generator.tasks import check_bundles

    try:
        check_bundles.delay()
    except (OSError, ChannelError, OperationalError):
        logger.warning("The message of upload %s could not be sent; a worker will find it.", pk, exc_info=True)


def deliver_on_commit(pk: UUID) -> None:
    """Sends the message once the row can be seen by others, and not at all if the transaction is rolled back."""
    transaction.on_commit(partial(deliver, pk))
