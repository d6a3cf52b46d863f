"""Makes exports beside composing."""

from accounts.exports import export_claim, export_make, exports_sweep
from accounts.logs import job_logged
from accounts.models import DataExport
from accounts.side_worker import SideWorker, this_worker_id


class Exporter(SideWorker):
    name = "exporter"

    def sweep(self) -> None:
        exports_sweep()

    def is_wanted(self) -> bool:
        return DataExport.objects.claimable().exists()

    def work(self) -> bool:
        export = export_claim(worker_id=this_worker_id())
        if export is None:
            return False
        with job_logged(export.pk):
            export_make(export=export, should_end=self.is_ending)
        return True


exporter = Exporter()
