"""The result of a solve from Python, in SciPy's form, and its printed summary."""

import numpy as np

from numgd.callables.objective import with_replaced
from numgd.foundations.status import CALLBACK, MESSAGES, SUCCESSES
from numgd.kernels.cpu.solvers.host_evaluator import ASYMMETRY, NFEV, NHEV, NJEV, REPLACED, REPLACED_CURVATURE
from numgd.solve.warm_start import remember_state
from numgd.system.late import optimize
from numgd.system.scipy_result import Result
from numgd.system.warn import warn_user


def make_result(plan, x, f, status, nit, report, state, observer, evaluations=None):
    """Make SciPy's result object."""
    result = Result(
        x=x,
        fun=f,
        jac=state.work[0].copy(),
        nit=nit,
        nfev=int(report[NFEV]),
        njev=int(report[NJEV]),
        status=status,
        success=status in SUCCESSES,
        message=MESSAGES[status],
        derivatives=with_replaced(plan.used, jac=report[REPLACED], hess=report[REPLACED_CURVATURE]),
    )
    method, driver = plan.method, plan.driver
    if plan.box.size and result.success and np.array_equal(*plan.box):
        result.message = "All independent variables were fixed by bounds."
    if method.curvature:
        result.nhev = int(report[NHEV])
        if report[ASYMMETRY] > 0:
            asymmetry = "hess is not symmetric; its symmetric part was used"
            result.message += f" Note: {asymmetry}."
            warn_user(asymmetry)
    if method.result_fields is not None:
        result.update(method.result_fields(x, state.work, state.age, state.maxcor))
    if driver is not None:
        if driver["return_all"]:
            result.allvecs = observer.iterates
        if driver["history"]:
            result.history = observer.history(evaluations)
        if driver["disp"]:
            show(result, method)
    remember_state(result, state)
    return result


def show(result, method):
    """Print how a solve ended; as in SciPy, the message of a failure is a warning."""
    if result.success or result.status == CALLBACK:
        print(result.message)
    else:
        trusting = hasattr(getattr(method, "options", None), "initial_trust_radius")
        warn_user(result.message, RuntimeWarning if trusting else optimize().OptimizeWarning)
    print(f"         Current function value: {result.fun:f}")
    for name, counted in _COUNTS.items():
        if name in result:
            print(f"         {counted}: {result[name]:d}")


_COUNTS = {"nit": "Iterations", "nfev": "Function evaluations", "njev": "Gradient evaluations"}
