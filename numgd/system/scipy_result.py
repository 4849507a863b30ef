"""SciPy's result object, without importing `scipy.optimize` before something needs it."""

from numgd.system.late import optimize


class Result(dict):
    """A stand-in for `OptimizeResult`: `isinstance` accepts it, and it prints and copies as one.

    Only its `type` differs; copies and pickles are SciPy's own objects.  The import of `scipy.optimize` takes
    longer than most solves, and few users of a result need it: `isinstance` and printing do.
    """

    __setattr__ = dict.__setitem__
    __delattr__ = dict.__delitem__

    @property  # type: ignore[misc]
    def __class__(self):
        return optimize().OptimizeResult

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __repr__(self):
        return optimize().OptimizeResult.__repr__(self)

    def _repr_html_(self):
        from numgd.system.html import of_fields

        fields = dict(self)
        return of_fields(str(fields.pop("message", "result")), fields)

    def __dir__(self):
        return list(self)

    def __reduce__(self):
        return optimize().OptimizeResult, (), self.__dict__ or None, None, iter(self.items())
