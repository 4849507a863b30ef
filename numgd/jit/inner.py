"""Compilation of functions that are called only by other compiled code.

Numba completes every function: wrappers for callers in Python, full optimisation, machine code.  A function
that is linked into its callers needs none of this until the outermost function is optimised together with
everything that it calls, which halves the compile time of a solver.
"""

from numba.core import compiler_machinery
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.typed_passes import NativeLowering


class InnerLibrary(JITCodeLibrary):
    """Code that is only ever linked into other libraries."""

    def _optimize_final_module(self):
        """Leave it to the library that it is linked into."""

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True


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


class InnerCompiler(CompilerBase):
    """Numba's pipeline with that pass."""

    def define_pipelines(self):
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.passes[:] = [
            (InnerLowering if step is NativeLowering else step, message) for step, message in pipeline.passes
        ]
        pipeline.finalize()
        return [pipeline]


class ApartCompiler(InnerCompiler):
    """The same, telling LLVM that the array arguments of a function do not overlap."""

    def define_pipelines(self):
        self.state.flags.noalias = True
        return super().define_pipelines()
