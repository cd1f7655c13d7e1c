"""The processes of a run: those that torchrun has started, or this one alone."""

import os
from datetime import timedelta

from .errors import line_of

PATIENCE = timedelta(days=30)  # one rank may have much more to do; torchrun ends them all where one dies


class Failed(Exception):
    """What went wrong, in one line, and the first rank where it did: there this has the error as its cause."""

    def __init__(self, line, rank):
        super().__init__(line)
        self.rank = rank


class Ranks:
    """rank of count, and `local`, its number on this machine; without torchrun 0 of 1, and no torch.distributed."""

    def __init__(self):
        self.rank, self.count, self.local = (
            int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
        )
        if self.count > 1:
            from torch import distributed

            # Only a few Python objects are exchanged, and only through the CPU.
            distributed.init_process_group("gloo", timeout=PATIENCE)

    def all(self, value):
        """The value of each rank, in their order: a small object that can be pickled."""
        values = [value]
        if self.count > 1:
            from torch import distributed

            values = [None] * self.count
            distributed.all_gather_object(values, value)
        return values

    def together(self, work):
        """work() on every rank: its result here. Where one of them fails, all raise Failed, when all have ended."""
        result = failure = None
        try:
            result = work()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a model of the user's may raise anything, SystemExit too
            failure = error
        lines = self.all(failure and line_of(failure))
        failed = [rank for rank, line in enumerate(lines) if line is not None]
        if failed:
            where = f" (rank {failed[0]})" if len(failed) < self.count else ""
            raise Failed(lines[failed[0]] + where, failed[0]) from failure
        return result

    def in_turn(self, work):
        """together, rank 0 before the others: what it has downloaded, or refused, they need not."""
        result = self.together(work if self.rank == 0 else lambda: None)
        return self.together(work if self.rank else lambda: result)

    def of_first(self, work):
        """What work() returns on rank 0, where alone it is done."""
        return self.all(self.together(work if self.rank == 0 else lambda: None))[0]

    def close(self):
        """Leave the group."""
        if self.count > 1:
            from torch import distributed

            distributed.destroy_process_group()
