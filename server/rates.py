"""What counts requests in this process, where no Redis does."""

import threading

from limits.storage import MemoryStorage

SWEEP_S = 60


class QuietMemory(MemoryStorage):
    """The library's, which starts a thread for nearly every request to drop what has expired; here one a minute does."""

    STORAGE_SCHEME = ["quiet-memory"]

    def _MemoryStorage__schedule_expiry(self) -> None:  # as the library calls it
        if not self.timer.is_alive():
            self.timer = threading.Timer(SWEEP_S, self._MemoryStorage__expire_events)
            self.timer.daemon = True
            self.timer.start()
