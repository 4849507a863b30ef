"""Loops over tasks, run on several threads if there is enough work.

`parallel_for` calls a function for every task.  The function is compiled once, as a plain loop over a range
of tasks.  If there is little work, the calling thread runs this loop over all tasks; otherwise its address
is passed to the threads (`numgd.jit.threads`).  Numba therefore compiles a single parallel loop for all of
numgd; compiling one takes longer than compiling the rest of a function.  No parallel region is opened for
work that takes no longer than starting the region.
"""

import contextlib

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from numgd.jit.inner import InnerCompiler
from numgd.jit.pointers import RANGE
from numgd.jit.threads import SYMBOL, threads

WORTH_SHARING = 2**15
"""Least work for which threads are used: about 10 µs on one thread; TBB takes 5 µs to start."""

UNKNOWN = 2**62
"""Value of `work` if any of the tasks may take long."""

_WORD = ir.IntType(64)


def parallel_for(function, tasks, work, *arguments):
    """Call ``function(task, *arguments)`` for every task below `tasks`, in any order.

    Parameters
    ----------
    function : portable function
        Each task writes only to memory that no other task uses.
    tasks : int
    work : int
        Total work of all tasks, measured as the count of numbers that a plain loop reads and writes in the
        same time (0.3 ns each).
    arguments
        At least one is required.
    """
    for task in range(tasks):
        function(task, *arguments)


def threads_for(work):
    """Number of threads that `parallel_for` uses for a given amount of work."""
    return threads() if work >= WORTH_SHARING else 1


@overload(parallel_for, strict=False, jit_options={"forceinline": True, "pipeline_class": InnerCompiler})
def _compiled_parallel_for(function, tasks, work, *arguments):
    def loop(function, tasks, work, *arguments):
        _loop(function, tasks, work, arguments)

    return loop


@intrinsic
def _loop(typingctx, of_task, tasks, work, arguments):
    """Call ``of_task(task, *arguments)`` for all tasks, on the calling thread or on several."""
    inner = of_task.get_call_type(typingctx, (types.intp, *arguments), {})

    def codegen(context, builder, signature, values):
        _, tasks, work, arguments = values
        place = cgutils.alloca_once(builder, _context_type(context, signature.args[3]))
        for field, value in enumerate((_WORD(0), _WORD(0), arguments)):
            builder.store(value, cgutils.gep_inbounds(builder, place, 0, field))
        started, finished = (cgutils.gep_inbounds(builder, place, 0, field) for field in (0, 1))
        function = _function_of_range(context, builder.module, of_task, inner, signature.args[3])
        address, where = builder.ptrtoint(function, _WORD), builder.ptrtoint(place, _WORD)

        worth = builder.icmp_signed(">=", work, _WORD(WORTH_SHARING))
        with builder.if_then(builder.and_(worth, builder.icmp_signed(">", tasks, _WORD(1)))):
            share_out = builder.load(_symbol(builder.module))
            with builder.if_then(cgutils.is_true(builder, share_out)):
                kind = ir.FunctionType(ir.VoidType(), [_WORD] * 3).as_pointer()
                builder.call(builder.inttoptr(share_out, kind), [address, where, tasks])
        begun = builder.load(started)
        lost = builder.icmp_signed("!=", builder.load(finished), begun)
        with cgutils.if_unlikely(builder, lost):
            message = "there was no memory for what a task needs"
            context.call_conv.return_user_exc(builder, MemoryError, (message,))
        with builder.if_then(cgutils.is_false(builder, begun)):  # too little work, or no threads
            values = [where, _WORD(0), tasks]
            status, _ = context.call_conv.call_function(builder, function, types.none, RANGE, values)
            with cgutils.if_unlikely(builder, status.is_error):
                context.call_conv.return_status_propagate(builder, status)
        return context.get_dummy_value()

    return types.none(of_task, types.intp, types.intp, arguments), codegen


def _context_type(context, arguments):
    """Type of a loop's context: the numbers of tasks started and finished, and the arguments."""
    return ir.LiteralStructType([_WORD, _WORD, context.get_value_type(arguments)])


def _function_of_range(context, module, of_task, signature, packed):
    """The function ``(context, first, last)`` that `numgd.jit.threads` calls, added to a module."""
    convention = context.call_conv
    name = module.get_unique_name("numgd.range")
    function = ir.Function(module, convention.get_function_type(types.none, RANGE), name)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    where, first, last = convention.decode_arguments(builder, RANGE, function)
    place = builder.inttoptr(where, _context_type(context, packed).as_pointer())
    started, finished, stored = (cgutils.gep_inbounds(builder, place, 0, field) for field in range(3))
    arguments = cgutils.unpack_tuple(builder, builder.load(stored))
    call = context.get_function(of_task, signature)
    builder.atomic_rmw("add", started, builder.sub(last, first), "monotonic")
    with _counted(builder, first, last) as task:
        call(builder, [task, *arguments])
    builder.atomic_rmw("add", finished, builder.sub(last, first), "monotonic")
    convention.return_value(builder, context.get_dummy_value())
    return function


@contextlib.contextmanager
def _counted(builder, first, last):
    """A loop over indices that LLVM knows to be non-negative, so that they need no wrap-around."""
    first = builder.and_(first, _WORD(2**62 - 1))
    with cgutils.for_range(builder, builder.sub(last, first)) as loop:
        yield builder.add(first, loop.index, flags=("nsw", "nuw"))


def _symbol(module):
    """The word that holds the address of the function that distributes tasks to threads."""
    if SYMBOL in module.globals:
        return module.globals[SYMBOL]
    return ir.GlobalVariable(module, _WORD, SYMBOL)
