"""Cancellations: an order to end is told from one that strayed in."""

import asyncio


def is_own_cancellation(fault: BaseException) -> bool:
    """Whether ``fault`` is the running task's own cancellation.

    A ``CancelledError`` also comes out of awaiting something else that was cancelled: a job of an executor that was
    shut down, a future of a library. Nobody told this task to end then; taken for an order, it would silently end an
    actor.
    """
    task = asyncio.current_task()
    return isinstance(fault, asyncio.CancelledError) and task is not None and task.cancelling() > 0
