"""`minimize` from a starting point on a device: the same solvers, over the device's vectors."""

from numgd.foundations.progress import watched_by
from numgd.foundations.status import CALLBACK, INVALID_INPUT, MESSAGES, SUCCESSES, TIME_LIMIT
from numgd.kernels.cuda.check import check_device
from numgd.kernels.machines import Drivers
from numgd.registry import ALIASES, METHODS
from numgd.solve.bounds import binding, box_of
from numgd.solve.observer import Hook
from numgd.solve.options import find_method, method_name, settings
from numgd.solve.plan import has_constraints
from numgd.solve.result import show
from numgd.system.scipy_result import Result
from numgd.system.warn import warn_user

_machines = Drivers("solvers.one_problem")


def minimize_on_device(
    fun, x0, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options, progress, time_limit
):
    """Run one of numgd's methods over the vectors of a device; the arguments are those of `minimize`."""
    check_device()
    driver = _machines.beside(x0)
    bounds = binding(bounds)
    if has_constraints(constraints):
        raise ValueError("constraints are handled on the host, by SciPy: x0 must not live on a device")
    method = method_on_device(method, bounds is not None)
    functions = functions_on_device(driver, fun, jac, hess, hessp, args)
    if method.curvature is None and hessp is not None:
        warn_user(f"method {method.name!r} uses no Hessian")
        functions = functions._replace(hessp=None)
    solve, x, in_kind = driver.start(x0)
    found = settings(method, x.dtype, tol, options)
    _refuse_options(found.driver)
    box = driver.sides(solve, box_of(bounds, x.size, x.dtype))
    work = driver.scratch(method, solve, found.maxcor)
    problem = driver.Problem(solve, functions, in_kind, box)
    with watched_by(progress, time_limit, " iterations") as watched:
        observer = None
        keeps = bool(found.driver and found.driver["return_all"])
        if callback is not None or watched.watches or keeps:
            iterate = _Iterate(lambda: driver.copied(in_kind, x))
            observer = problem.hook = DeviceObserver(iterate, problem, callback, watched, keeps)
        status, nit, _, f, _ = driver.entry(method)(problem, x, work, found.options)
    if status == INVALID_INPUT:
        raise ValueError("x0 must be finite; it holds NaN or inf")
    if status == CALLBACK and observer.late:
        status = TIME_LIMIT
    return _result(method, functions, problem, found.driver, observer, status, nit, f, x, work[0], in_kind)


def _result(method, functions, problem, driver, observer, status, nit, f, x, gradient, in_kind):
    """SciPy's result object, with arrays on the device."""
    result = Result(
        x=in_kind(x.array),
        fun=f,
        jac=in_kind(gradient.array),
        nit=nit,
        nfev=problem.nfev,
        njev=problem.njev,
        status=status,
        success=status in SUCCESSES,
        message=MESSAGES[status],
        derivatives={"jac": "fun.value_and_gradient" if functions.pair is not None else "given"},
    )
    if method.curvature:
        result.nhev = problem.nhev
        result.derivatives["hess"] = "hessp" if functions.hessp is not None else "2-point"
    if driver is not None:
        if driver["return_all"]:
            result.allvecs = observer.iterates
        if driver["disp"]:
            show(result, method)
    return result


def method_on_device(method, bounded):
    """The method of a name, or the default one; raises ValueError for one that runs on the host only."""
    if method is None:
        method = "owl-qn" if bounded else "l-bfgs"
    if callable(method):
        raise ValueError("method must be the name of a method of numgd where x0 lives on a device")
    name = method_name(method)
    name = ALIASES.get(name, name)
    able = "'l-bfgs', 'cg', 'owl-qn', 'fista', 'newton-cg', 'trust-ncg' and the update rules"
    if name not in METHODS:
        raise ValueError(
            f"method {name!r} is SciPy's and runs on the host; over a device's vectors run {able}"
        )
    if bounded and not (METHODS[name].bounded and METHODS[name].over_device_vectors):
        raise ValueError(f"method {name!r} takes no bounds on a device; 'owl-qn' and 'fista' do")
    found = find_method(name)
    if not found.over_device_vectors:
        raise ValueError(f"method {name!r} {_obstacle(found)} and runs on the host; on a device run {able}")
    return found


def _obstacle(method):
    """What a method does that cannot be done over a device's vectors."""
    many = 10**6
    if method.curvature == "hessian" or method.rows(many, 1) >= many:
        return "holds an n×n matrix"
    return "computes with small arrays or single elements beside its vectors"


def functions_on_device(driver, fun, jac, hess, hessp, args):
    """The user's functions as the driver takes them; raises where a derivative is missing."""
    if hess is not None:
        raise ValueError("hess is an n×n matrix, which is not used on a device: give hessp")
    if hessp is not None and not callable(hessp):
        raise TypeError(f"hessp must be callable; it is {hessp!r}")
    if jac is None and hasattr(fun, "value_and_gradient"):
        if hessp is None:
            hessp = getattr(fun, "hessp", None)
        return driver.Functions(fun, None, hessp, fun.value_and_gradient, False, args)
    if not callable(fun):
        raise TypeError(f"fun must be callable; it is {fun!r}")
    if jac is True:
        return driver.Functions(fun, None, hessp, None, True, args)
    if callable(jac):
        return driver.Functions(fun, jac, hessp, None, False, args)
    raise ValueError(
        f"jac is {jac!r}, but x0 lives on a device, where no derivative is made and finite differences would "
        "take n calls: give jac as a function, or jac=True with fun returning (value, gradient), or a fun "
        "with a method value_and_gradient(x, out, *args)"
    )


def _refuse_options(driver):
    """Raise ValueError for options that only have a meaning on the host."""
    for name in ("eps", "finite_diff_rel_step", "hess_inv0", "history"):
        if driver is not None and driver[name] is not None and driver[name] is not False:
            raise ValueError(f"option {name!r} is not available where x0 lives on a device")


class _Iterate:
    """The present point as a callback gets it: a copy on the device."""

    def __init__(self, copy):
        self.copy = copy


class DeviceObserver(Hook):
    """Callback, iterates and progress of a minimisation on a device."""

    def __init__(self, iterate, problem, callback, progress, keeps):
        super().__init__(iterate, callback, progress)
        self.problem, self.keeps, self.iterates = problem, keeps, []

    def __call__(self, iteration):
        if self.keeps:
            self.iterates.append(self.x.copy())
        f = float(self.problem.f) if self.callback is not None or self.progress.watches else 0.0
        return self.tell(iteration, lambda: {"fun": f}, fun=f)
