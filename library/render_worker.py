"""Makes sound files beside composing. The rendering is a process (`library.renderer`), waited for."""

from accounts.logs import job_logged
from accounts.side_worker import SideWorker, this_worker_id
from library.services.renderings import rendering_claim, rendering_make, renderings_sweep, renderings_wait


class RenderWorker(SideWorker):
    name = "renderer"

    def sweep(self) -> None:
        renderings_sweep()

    def is_wanted(self) -> bool:
        return renderings_wait()

    def work(self) -> bool:
        rendering = rendering_claim(worker_id=this_worker_id())
        if rendering is None:
            return False
        with job_logged(f"{rendering.piece_id}.{rendering.format}"):
            rendering_make(rendering=rendering, should_end=self.is_ending)
        return True


render_worker = RenderWorker()
