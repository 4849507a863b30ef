"""Dispatchers whose function is generated for the types of each call and kept on disk."""

import hashlib
import linecache
import re

from numba import njit
from numba.core.dispatcher import _FunctionCompiler
from numba.core.registry import CPUDispatcher

from numgd.jit.cache import PackageCache
from numgd.jit.portable import check_compilation
from numgd.system.atomic import replacing
from numgd.system.cache_folder import OTHERS_WRITE, made_folder, warn_of_writing


class _Compiler(_FunctionCompiler):
    """Compiles what `make` returns for the argument types instead of the dispatcher's own function."""

    make = None
    flags = None
    inner = ()

    def _compile_core(self, args, return_type):
        function, digest = self.make(tuple(args))
        inner = njit(**self.flags)(function)
        name = re.sub(r"\W+", "_", function.__name__)
        if digest:
            inner._cache = PackageCache(function, f"{name}-{digest}{_words(self.flags)}")
        inner.compile(tuple(args))
        self.inner = (*self.inner, inner)  # its end would be that of its machine code
        result = inner.overloads[tuple(args)]
        if result.metadata:
            result.metadata.pop("timers", None)  # the outer dispatcher notes its own
        return result


def _words(flags):
    """The flags that vary, for the name of the machine code."""
    fast = flags.get("fastmath", ())
    fast = ["fast"] if fast is True else sorted(fast or ())
    return "".join(f"-{word}" for word in (["checked"] if flags.get("boundscheck") else []) + fast)


class Generated(CPUDispatcher):
    """A dispatcher whose repr is its description."""

    description = None

    def __repr__(self):
        return self.description or super().__repr__()


def generated(signature, make, flags):
    """A dispatcher that compiles another function for each combination of argument types.

    Parameters
    ----------
    signature : function
        Provides the name, the parameters and the defaults; is never called.
    make : callable
        ``make(types)`` returns a function and a digest of everything that it depends on, empty for code that
        must not be kept on disk.
    flags : dict
        Compiler flags.

    Returns
    -------
    numba.core.dispatcher.Dispatcher
    """
    check_compilation()
    dispatcher = njit(**flags)(signature)
    old = dispatcher._compiler
    compiler = _Compiler(old.py_func, old.targetdescr, old.targetoptions, old.locals, old.pipeline_class)
    compiler.make, compiler.flags = make, flags
    dispatcher._compiler = compiler
    dispatcher.__class__ = Generated
    return dispatcher


def function_of(text, name, namespace, *digests):
    """The function defined by a source text, in a file named by its digest; and the digest.

    Further digests, of what the text calls, become part of it.
    """
    digest = hashlib.sha256(text.encode())
    for other in digests:
        digest.update(repr(other).encode())
    for key in sorted(namespace):
        thing = namespace[key]
        if hasattr(thing, "tobytes"):
            digest.update(f"{key} {thing.dtype} {thing.shape}".encode())
            digest.update(thing.tobytes())
    digest = digest.hexdigest()[:16]
    path = _written(text, f"{name}-{digest}.py")
    # Machine code from the disk asks for the module of its function, even a user's that contains this one.
    own = {**namespace, "__name__": __name__}
    exec(compile(text, path, "exec"), own)
    return own[name], digest


def _written(text, file_name):
    """The path of a file with a text, for debuggers and readers; only a name if no file can be written.

    Python's cache of source lines holds the text in either case: a derivative of a derivative is generated
    from it, never from what the file may contain by then.
    """
    path = f"<{file_name}>"
    try:
        folder = made_folder()
        if folder is not None:
            file = folder / file_name
            if not file.is_file() or file.read_bytes() != text.encode():
                with replacing(file, forbidden=OTHERS_WRITE) as new:
                    new.write(text.encode())
            path = str(file)
    except OSError as error:
        warn_of_writing(error)
    linecache.cache[path] = (len(text), None, text.splitlines(True), path)
    return path
