"""Which worker processes live."""

import os
import socket
from functools import cache

from django.utils import timezone

from accounts.side_worker import this_worker_id
from generator.models import WorkerBeat


@cache
def this_host() -> str:
    """The machine, and the container on it, within which process ids mean the same."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return f"{socket.gethostname()} {namespace}".strip()[:200]


def beat(*, composes: bool = True) -> None:
    """Writes that this process lives, and whether it composes."""
    WorkerBeat.objects.update_or_create(
        worker_id=this_worker_id(),
        defaults={"hostname": this_host(), "pid": os.getpid(), "seen_at": timezone.now(), "composes": composes},
    )


def say_goodbye() -> None:
    WorkerBeat.objects.filter(worker_id=this_worker_id()).delete()


def is_gone(worker: WorkerBeat) -> bool:
    """Whether a worker of this host is certainly dead: its process id is free, or is ours and names another worker."""
    if worker.hostname != this_host() or worker.worker_id == this_worker_id():
        return False
    if worker.pid == os.getpid():
        return True
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
