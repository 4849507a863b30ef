"""An iterable of batches that is gone through once per epoch."""

from itertools import chain


class Stream:
    """The batches of an iterable, each checked when it is reached; the first one is known from the start.

    Parameters
    ----------
    name : str
        Name of the argument in messages.
    data : iterable
    epochs : int
        How often it will be gone through: an iterator allows one epoch only.
    check : callable
        ``check(batch, number)``: the batch in the form in which it is used.

    Attributes
    ----------
    first
        The first batch.
    once : bool
        Whether the data can be gone through only once.
    """

    def __init__(self, name, data, epochs, check):
        self._name, self._data, self._check = name, data, check
        self._iterator = iter(data)
        self.once = self._iterator is data
        if self.once and epochs > 1:
            raise ValueError(
                f"{name} is an iterator, which can be gone through once, but epochs is {epochs}; "
                "give what can be iterated over again"
            )
        first = next(self._iterator, None)
        if first is None:
            raise ValueError(f"{name} holds no batches")
        self.first = check(first, 0)

    def batches(self, skipped=0):
        """The batches of an epoch after the first few; raises ValueError if the epoch has none."""
        iterator, self._iterator = self._iterator, None
        later = 0 if iterator is None else 1
        number = -1
        for number, batch in enumerate(iter(self._data) if iterator is None else chain((None,), iterator)):
            if number >= skipped:
                yield self.first if number < later else self._check(batch, number)
        if number < 0:
            raise ValueError(f"{self._name} gave no batches for another epoch")
