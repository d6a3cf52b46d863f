"""Makes exports beside composing."""

import os
import secrets
import socket

from accounts.exports import export_claim, export_make, exports_sweep
from accounts.logs import job_logged
from accounts.models import DataExport
from accounts.side_worker import SideWorker


class Exporter(SideWorker):
    name = "exporter"

    def __init__(self) -> None:
        super().__init__()
        self._worker_id = f"{socket.gethostname()[:50]}:{os.getpid()}:{secrets.token_hex(4)}"

    def sweep(self) -> None:
        exports_sweep()

    def is_wanted(self) -> bool:
        return DataExport.objects.claimable().exists()

    def work(self) -> bool:
        export = export_claim(worker_id=self._worker_id)
        if export is None:
            return False
        with job_logged(export.pk):
            export_make(export=export, should_end=self.is_ending)
        return True


exporter = Exporter()
