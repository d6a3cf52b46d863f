"""The linear recurrence of a minGRU on PyTorch's CPU, forward and backward, each as one compiled pass over memory.

Only `network.scan` imports this module, and only where Keras runs on PyTorch.
"""

from typing import Any

import torch
from numba import njit


@njit(cache=True, fastmath=True)
def _forward(decay, drive, initial, hidden):  # type: ignore[no-untyped-def]
    batch, time, units = decay.shape
    for b in range(batch):
        for u in range(units):
            hidden[b, 0, u] = decay[b, 0, u] * initial[b, u] + drive[b, 0, u]
        for t in range(1, time):
            for u in range(units):
                hidden[b, t, u] = decay[b, t, u] * hidden[b, t - 1, u] + drive[b, t, u]


@njit(cache=True, fastmath=True)
def _backward(decay, initial, hidden, grad, grad_decay, grad_drive, grad_initial):  # type: ignore[no-untyped-def]
    batch, time, units = decay.shape
    for b in range(batch):
        last = time - 1
        for u in range(units):
            grad_drive[b, last, u] = grad[b, last, u]
        for t in range(last - 1, -1, -1):
            for u in range(units):
                grad_drive[b, t, u] = grad[b, t, u] + decay[b, t + 1, u] * grad_drive[b, t + 1, u]
        for t in range(1, time):
            for u in range(units):
                grad_decay[b, t, u] = grad_drive[b, t, u] * hidden[b, t - 1, u]
        for u in range(units):
            grad_decay[b, 0, u] = grad_drive[b, 0, u] * initial[b, u]
            grad_initial[b, u] = grad_drive[b, 0, u] * decay[b, 0, u]


class _LinearScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, decay: torch.Tensor, drive: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
        decay, drive, initial = (t.detach().contiguous() for t in (decay, drive, initial))
        hidden = torch.empty_like(drive)
        _forward(decay.numpy(), drive.numpy(), initial.numpy(), hidden.numpy())
        ctx.save_for_backward(decay, initial, hidden)
        return hidden

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, ...]:
        decay, initial, hidden = ctx.saved_tensors
        grad_decay, grad_drive = torch.empty_like(decay), torch.empty_like(decay)
        grad_initial = torch.empty_like(initial)
        _backward(
            decay.numpy(),
            initial.numpy(),
            hidden.numpy(),
            grads[0].contiguous().numpy(),
            grad_decay.numpy(),
            grad_drive.numpy(),
            grad_initial.numpy(),
        )
        return grad_decay, grad_drive, grad_initial


def linear_scan(decay: torch.Tensor, drive: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
    """See `network.scan`; float32 tensors on the CPU."""
    result: torch.Tensor = _LinearScan.apply(decay, drive, initial)
    return result
