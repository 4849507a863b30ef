"""Calls by address: compiled objectives, Python callables, and Python's pending signals.

An objective is passed to a solver as the address of a compiled function with a fixed signature, so that
the solver is compiled once instead of once per objective.  A call costs about a nanosecond.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.callconv import RETCODE_EXC
from numba.core.errors import TypingError
from numba.extending import intrinsic

WANT_VALUE, WANT_GRADIENT, WANT_HESSIAN, WANT_PRODUCT = 1, 2, 4, 8
"""What a solver wants of a compiled objective; see `objective_signature`."""

RANGE = (types.intp, types.intp, types.intp)
"""Argument types of a parallel loop's function: context, first task, and the task after the last one."""


def objective_signature(real):
    """Signature of every compiled objective: ``(x, gradient, n, wanted, context) -> value``.

    `x` and `gradient` are addresses of n numbers, so that a call passes everything in registers.  `wanted` is
    WANT_VALUE, WANT_GRADIENT or their sum; or WANT_HESSIAN, for which `gradient` is the address of n×n
    numbers to fill; or WANT_PRODUCT, for which it is the address of 2n numbers: a direction, followed by its
    product with the Hessian, which is to be filled.  `context` is the address of the packed ``args``.
    """
    return real(types.intp, types.intp, types.intp, types.int64, types.intp)


def vector_view(real):
    """Intrinsic ``view(address, n)``: a vector at an address, without ownership of its memory."""
    vector = types.Array(real, 1, "C")

    @intrinsic
    def view(typingctx, address, n):
        def codegen(context, builder, signature, arguments):
            from numba.np.arrayobj import populate_array  # slow to import, and needed only here

            array = context.make_array(vector)(context, builder)
            width = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(real)))
            data = builder.inttoptr(arguments[0], array.data.type)
            populate_array(array, data, [arguments[1]], [width], width, meminfo=None)
            return array._getvalue()

        return vector(types.intp, types.intp), codegen

    return view


def stack_vector(real, count):
    """Intrinsic ``vector()``: `count` numbers on the calling function's stack, valid until it returns."""
    array_type = types.Array(real, 1, "C")

    @intrinsic
    def vector(typingctx):
        def codegen(context, builder, signature, arguments):
            from numba.np.arrayobj import populate_array

            number = context.get_data_type(real)
            place = cgutils.alloca_once(builder, ir.ArrayType(number, count))
            array = context.make_array(array_type)(context, builder)
            size, width = (
                context.get_constant(types.intp, n) for n in (count, context.get_abi_sizeof(number))
            )
            data = builder.bitcast(place, array.data.type)
            populate_array(array, data, [size], [width], width, meminfo=None)
            return array._getvalue()

        return array_type(), codegen

    return vector


@intrinsic
def address_of(typingctx, array):
    """Address of the first element of a contiguous array."""

    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.ptrtoint(data, context.get_value_type(types.intp))

    return types.intp(array), codegen


@intrinsic
def borrow(typingctx, array):
    """The same array without a reference to its owner, so that its views need no atomic reference counting.

    The caller must keep the array alive until the last use of the borrowed one.
    """

    def codegen(context, builder, signature, arguments):
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        view.meminfo = ir.Constant(view.meminfo.type, None)
        view.parent = ir.Constant(view.parent.type, None)
        return view._getvalue()

    return array(array), codegen


@intrinsic
def call_objective(typingctx, address, x, gradient, wanted, context):
    """Call the compiled objective at `address`.

    If it raises ZeroDivisionError, its value is NaN.  Any other exception ends the solver and is passed on to
    the caller unchanged.
    """
    signature = x.dtype(address, x, gradient, wanted, context)
    expected = objective_signature(x.dtype)

    def codegen(cgctx, builder, sig, arguments):
        convention = cgctx.call_conv
        function_type = convention.get_function_type(expected.return_type, expected.args)
        function = builder.inttoptr(arguments[0], function_type.as_pointer())
        word = cgctx.get_value_type(types.intp)
        point = cgctx.make_array(sig.args[1])(cgctx, builder, arguments[1])
        slopes = cgctx.make_array(sig.args[2])(cgctx, builder, arguments[2])
        values = [
            builder.ptrtoint(point.data, word),
            builder.ptrtoint(slopes.data, word),
            point.nitems,
            cgctx.cast(builder, arguments[3], sig.args[3], types.int64),
            cgctx.cast(builder, arguments[4], sig.args[4], types.intp),
        ]
        status, value = convention.call_function(
            builder, function, expected.return_type, expected.args, values
        )
        result = cgutils.alloca_once_value(builder, value)
        with cgutils.if_unlikely(builder, status.is_error):
            forgiven = _names_zero_division(cgctx, builder, status)
            with cgutils.if_unlikely(builder, builder.not_(forgiven)):
                convention.return_status_propagate(builder, status)
            builder.store(ir.Constant(value.type, float("nan")), result)
        return builder.load(result)

    return signature, codegen


def compiled_call(signature):
    """Intrinsic ``call(address, arguments)``: call the compiled function of a signature at an address.

    `arguments` is a tuple with exactly the types of the signature.  Exceptions are passed on to the caller.
    """

    @intrinsic
    def call(typingctx, address, arguments):
        if tuple(arguments) != signature.args:
            raise TypingError(f"the arguments are {arguments}, not {signature.args}")

        def codegen(context, builder, _, given):
            convention = context.call_conv
            function_type = convention.get_function_type(signature.return_type, signature.args)
            function = builder.inttoptr(given[0], function_type.as_pointer())
            values = cgutils.unpack_tuple(builder, given[1])
            status, result = convention.call_function(
                builder, function, signature.return_type, signature.args, values
            )
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return result

        return signature.return_type(types.intp, arguments), codegen

    return call


_ZERO_DIVISION = tuple(b"ZeroDivisionError\x94\x93")
"""The name of the class outside a message, that is, followed by pickle's opcodes.  Strings compile slowly."""


def _contains_zero_division(address, size):
    """Whether bytes contain `_ZERO_DIVISION`."""
    length = len(_ZERO_DIVISION)
    for start in range(size - length + 1):
        matched = 0
        for byte in _ZERO_DIVISION:
            if load_byte(address + start + matched) != byte:
                break
            matched += 1
        if matched == length:
            return True
    return False


def _names_zero_division(context, builder, status):
    """Whether the pending exception is a ZeroDivisionError, determined from its serialised form."""
    word = ir.IntType(64)
    found = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(1), 0))
    # An exception set by Python itself has no serialised form.
    native = builder.icmp_signed("!=", status.code, RETCODE_EXC)
    with builder.if_then(builder.and_(native, cgutils.is_not_null(builder, status.excinfoptr))):
        blob = builder.load(builder.gep(status.excinfoptr, [ir.IntType(32)(0), ir.IntType(32)(0)]))
        length = builder.load(builder.gep(status.excinfoptr, [ir.IntType(32)(0), ir.IntType(32)(1)]))
        address = builder.ptrtoint(blob, word)
        size = builder.zext(length, word)
        signature = types.boolean(types.intp, types.int64)
        answer = context.compile_internal(builder, _contains_zero_division, signature, [address, size])
        builder.store(builder.trunc(answer, ir.IntType(1)) if answer.type != ir.IntType(1) else answer, found)
    return builder.load(found)


@intrinsic
def load_byte(typingctx, address):
    """The byte at an address."""

    def codegen(context, builder, signature, arguments):
        return builder.load(builder.inttoptr(arguments[0], ir.IntType(8).as_pointer()))

    return types.uint8(address), codegen


@intrinsic
def load_word(typingctx, address, place):
    """The 64-bit integer at index `place` of those at an address."""

    def codegen(context, builder, signature, arguments):
        words = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load(builder.gep(words, [arguments[1]]))

    return types.int64(types.intp, types.intp), codegen


@intrinsic
def count_on(typingctx, address, step):
    """Add atomically to the 64-bit integer at an address, and return its previous value."""

    def codegen(context, builder, signature, arguments):
        word = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", word, arguments[1], "monotonic")

    return types.int64(types.intp, types.int64), codegen


@intrinsic
def fetch(typingctx, address):
    """Prefetch the memory at an address into the processor's caches; an invalid address has no effect."""

    def codegen(context, builder, signature, arguments):
        pointer, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [pointer, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
        to_read, to_keep, data = (ir.Constant(word, number) for number in (0, 3, 1))
        builder.call(function, [builder.inttoptr(arguments[0], pointer), to_read, to_keep, data])
        return context.get_dummy_value()

    return types.none(types.intp), codegen


@intrinsic
def copy_bytes(typingctx, target, source, count):
    """Copy `count` bytes from one address to another."""

    def codegen(context, builder, signature, arguments):
        pointers = [builder.inttoptr(address, ir.IntType(8).as_pointer()) for address in arguments[:2]]
        cgutils.raw_memcpy(builder, *pointers, arguments[2], 1)
        return context.get_dummy_value()

    return types.none(types.intp, types.intp, types.intp), codegen


def rows_view(array_type):
    """Intrinsic ``view(stored, data, count)``: `count` rows at address `data`, as part of a contiguous array.

    `stored` is the address of the array in its compiled form, as stored by `numgd.jit.arguments.pack`.  The
    view does not own the rows.
    """

    @intrinsic
    def view(typingctx, stored, data, count):
        def codegen(context, builder, signature, arguments):
            kept = builder.inttoptr(arguments[0], context.get_value_type(array_type).as_pointer())
            array = context.make_array(array_type)(context, builder, builder.load(kept, align=1))
            array.meminfo = ir.Constant(array.meminfo.type, None)
            array.parent = ir.Constant(array.parent.type, None)
            array.data = builder.inttoptr(arguments[1], array.data.type)
            shape = cgutils.unpack_tuple(builder, array.shape)
            size = arguments[2]
            for length in shape[1:]:
                size = builder.mul(size, length)
            array.nitems = size
            array.shape = cgutils.pack_array(builder, [arguments[2], *shape[1:]])
            return array._getvalue()

        return array_type(types.intp, types.intp, types.intp), codegen

    return view


@intrinsic
def call_python(typingctx, callable_address, argument):
    """Call a Python object with one integer and return the float that it returns; the caller holds the GIL.

    An exception in the callable ends the solver with that exception, including its traceback.
    """

    def codegen(context, builder, signature, arguments):
        pyapi = context.get_python_api(builder)
        failed = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(1), 1))
        value = cgutils.alloca_once(builder, ir.DoubleType())
        integer = pyapi.long_from_longlong(arguments[1])
        function = builder.inttoptr(arguments[0], pyapi.pyobj)
        answer = pyapi.call_function_objargs(function, [integer])
        pyapi.decref(integer)
        with cgutils.if_likely(builder, cgutils.is_not_null(builder, answer)):
            builder.store(pyapi.float_as_double(answer), value)
            pyapi.decref(answer)
            raised = cgutils.is_not_null(builder, pyapi.err_occurred())
            builder.store(raised, failed)
        with cgutils.if_unlikely(builder, builder.load(failed)):
            context.call_conv.return_exc(builder)
        return builder.load(value)

    return types.float64(types.intp, types.int64), codegen


HOLDS_GIL = 1
"""Value of `attention` for a solver that runs under the GIL: it checks for pending signals."""


@intrinsic
def interrupted(typingctx, attention):
    """Whether the solver is to stop.

    If `attention` is 0, nothing is checked.  If it is HOLDS_GIL, pending signal handlers are run (Ctrl-C
    raises KeyboardInterrupt from the solver).  Otherwise it is the address of a word that becomes 1 when
    the solver is to stop.
    """

    def codegen(context, builder, signature, arguments):
        word = ir.IntType(64)
        answer = cgutils.alloca_once_value(builder, cgutils.false_bit)
        with builder.if_then(builder.icmp_signed("==", arguments[0], word(HOLDS_GIL))):
            function_type = ir.FunctionType(ir.IntType(32), [])
            function = cgutils.get_or_insert_function(builder.module, function_type, "PyErr_CheckSignals")
            code = builder.call(function, [])
            with cgutils.if_unlikely(builder, builder.icmp_signed("!=", code, ir.Constant(code.type, 0))):
                context.call_conv.return_exc(builder)
        with builder.if_then(builder.icmp_signed(">", arguments[0], word(HOLDS_GIL))):
            place = builder.inttoptr(arguments[0], word.as_pointer())
            found = builder.load_atomic(place, "monotonic", 8)
            builder.store(builder.icmp_signed("!=", found, word(0)), answer)
        return builder.load(answer)

    return types.boolean(types.int64), codegen


def function_address(compile_result):
    """Address of a compiled function, for `call_objective` from Python."""
    return compile_result.library.get_pointer_to_function(compile_result.fndesc.llvm_func_name)


def linked_address(compile_result):
    """Intrinsic without arguments that returns the same address inside other compiled code."""

    @intrinsic
    def address(typingctx):
        def codegen(context, builder, signature, arguments):
            context.active_code_library.add_linking_library(compile_result.library)
            function = context.declare_function(builder.module, compile_result.fndesc)
            return builder.ptrtoint(function, context.get_value_type(types.intp))

        return types.intp(), codegen

    return address


@intrinsic
def call_range(typingctx, function, context, first, last):
    """Call the function of a parallel loop for a range of its tasks; its context records a failure."""

    def codegen(target, builder, signature, values):
        kind = target.call_conv.get_function_type(types.none, RANGE)
        loop = builder.inttoptr(values[0], kind.as_pointer())
        target.call_conv.call_function(builder, loop, types.none, RANGE, values[1:])
        return target.get_dummy_value()

    return types.none(types.intp, *RANGE), codegen
