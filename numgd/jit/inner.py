"""Compilation of functions that are called only by other compiled code.

Numba completes every function: wrappers for callers in Python, full optimisation, machine code.  A function
that is linked into its callers needs none of this until the outermost function is optimised together with
everything that it calls, which halves the compile time of a solver.
"""

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import compiler_machinery, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.lowering import Lower
from numba.core.typed_passes import AnnotateTypes, NativeLowering


class InnerLibrary(JITCodeLibrary):
    """Code that is only ever linked into other libraries.

    It contains its own functions alone.  What these call is linked together with them into the outermost
    library, where Numba's own library would link it into every one on the way there.
    """

    def finalize(self):
        """Accept no more code, without compiling it."""
        self._raise_if_finalized()
        if hasattr(self, "_reload_init"):  # not in Numba 0.62
            for library in self._linking_libraries:
                self._reload_init.update(library._reload_init)
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == llvm.Linkage.external:
                function.linkage = llvm.Linkage.linkonce_odr
        self._finalized = True

    def _get_module_for_linking(self):
        self._ensure_finalized()
        module = self._final_module.clone()
        for library in _callers_first(self)[1:]:
            inner = isinstance(library, InnerLibrary)
            code = library._final_module if inner else library._get_module_for_linking()
            module.link_in(code, preserve=True)
        return module


def _callers_first(library):
    """A library and all that it calls, each after its callers: LLVM links only what is already called."""
    seen, finished = {library}, []

    def visit(caller):
        for called in caller._linking_libraries if isinstance(caller, InnerLibrary) else ():
            if called not in seen:
                seen.add(called)
                visit(called)
        finished.append(caller)

    visit(library)
    return finished[::-1]


@compiler_machinery.register_pass(mutates_CFG=True, analysis_only=False)
class InnerLowering(NativeLowering):
    """The lowering pass without wrappers and without machine code."""

    _name = "inner_lowering"

    def run_pass(self, state):
        state.library = InnerLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        flags = state.flags
        flags.no_cpython_wrapper = flags.no_cfunc_wrapper = flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        entry = [].append  # a separate builtin by which the dispatcher identifies the function; never called
        state.targetctx.insert_user_function(entry, lowered.fndesc, [state.library])
        state.reload_init.extend(getattr(state.library, "_reload_init", ()))  # not in Numba 0.62
        state["cr"] = _LowerResult(lowered.fndesc, lowered.call_helper, cfunc=entry, env=lowered.env)
        return True


def _pipeline_with(state, lowering):
    """Numba's pipeline with another lowering pass."""
    pipeline = DefaultPassBuilder.define_nopython_pipeline(state)
    pipeline.passes[:] = [
        (lowering if step is NativeLowering else step, message)
        for step, message in pipeline.passes
        if step is not AnnotateTypes  # for people; it would keep Numba's representation of the function
    ]
    pipeline.finalize()
    return pipeline


class InnerCompiler(CompilerBase):
    """Numba's pipeline with that pass."""

    def define_pipelines(self):
        return [_pipeline_with(self.state, InnerLowering)]


class OutOfLineLower(Lower):
    """Lowers a function that is not inlined and leaves the reference counts of its arguments alone.

    Its caller keeps the arguments alive.
    """

    def setup_function(self, fndesc):
        super().setup_function(fndesc)
        self.function.attributes.add("noinline")

    def extract_function_arguments(self):
        arguments = super().extract_function_arguments()
        self.fnargs = [
            self._borrowed(kind, value) for kind, value in zip(self.fndesc.argtypes, arguments, strict=True)
        ]
        return self.fnargs

    def _borrowed(self, kind, value):
        """An array without its owner; a tuple of such arrays."""
        if isinstance(kind, types.Array):
            array = self.context.make_array(kind)(self.context, self.builder, value)
            array.meminfo = ir.Constant(array.meminfo.type, None)
            array.parent = ir.Constant(array.parent.type, None)
            return array._getvalue()
        if isinstance(kind, types.BaseTuple):
            for place, inner in enumerate(kind):
                if isinstance(inner, types.Array | types.BaseTuple):
                    item = self._borrowed(inner, self.builder.extract_value(value, place))
                    value = self.builder.insert_value(value, item, place)
        return value


@compiler_machinery.register_pass(mutates_CFG=True, analysis_only=False)
class OutOfLineLowering(InnerLowering):
    """The same for functions that LLVM must not inline either: their code would be compiled for each call."""

    _name = "out_of_line_lowering"

    @property
    def lowering_class(self):
        return OutOfLineLower

    def run_pass(self, state):
        # The flag stays during typing: Numba compiles a function again for callers with other flags.
        state.flags.forceinline = False
        return super().run_pass(state)


class OutOfLineCompiler(CompilerBase):
    """Numba's pipeline with that pass."""

    def define_pipelines(self):
        return [_pipeline_with(self.state, OutOfLineLowering)]


class ApartCompiler(InnerCompiler):
    """The same, telling LLVM that the array arguments of a function do not overlap."""

    def define_pipelines(self):
        self.state.flags.noalias = True
        return super().define_pipelines()
