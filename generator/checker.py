"""Checks uploaded bundles beside composing. A check is a process (`generator.services.bundle_checks`), waited for."""

from accounts.logs import job_logged
from accounts.side_worker import SideWorker, this_worker_id


class Checker(SideWorker):
    name = "checker of bundles"

    def is_wanted(self) -> bool:
        from generator import services

        return services.bundle_uploads_wait()

    def work(self) -> bool:
        from generator import services

        upload = services.bundle_upload_claim(worker_id=this_worker_id())
        if upload is None:
            return False
        with job_logged(f"upload-{upload.pk}"):
            services.bundle_upload_check(upload=upload, should_end=self.is_ending)
        return True


checker = Checker()
