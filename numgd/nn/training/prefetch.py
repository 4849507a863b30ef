"""The next item of an iterator prepared in a thread while the caller uses this one."""

from queue import SimpleQueue
from threading import Event, Thread

_ITEM, _END, _ERROR = range(3)


def prefetched(items):
    """Yield the items of a generator, which runs in a thread and is always one item ahead.

    An item may use memory that the one after the next overwrites.  Exceptions of the generator arrive
    unchanged.  The thread ends with this generator: close it.
    """
    asked: SimpleQueue = SimpleQueue()
    ready: SimpleQueue = SimpleQueue()
    stopped = Event()

    def prepare():
        while asked.get() and not stopped.is_set():
            try:
                ready.put((_ITEM, next(items)))
            except StopIteration:
                return ready.put((_END, None))
            except BaseException as error:
                return ready.put((_ERROR, error))

    thread = Thread(target=prepare, name="numgd-batches", daemon=True)
    thread.start()
    try:
        asked.put(True)
        while True:
            kind, item = ready.get()
            if kind == _END:
                return
            if kind == _ERROR:
                raise item
            asked.put(True)
            yield item
    finally:
        stopped.set()
        asked.put(False)
        thread.join()
        items.close()
