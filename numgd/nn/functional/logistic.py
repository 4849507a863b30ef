"""Logistic regression as a function of one flat vector: the penalised loss, its gradient and its Hessian.

The scores of a sample are a·w + b: one number for two classes; for several one per class, each with
its own w, a row of a matrix.
"""

import math

import numpy as np

from numgd.foundations.ranges import Count, NonNegative, check_arguments
from numgd.kernels.layers import cross_entropy, elementwise, softmax
from numgd.nn.functional.checks import output, real_array
from numgd.nn.functional.operation import operation, sample
from numgd.nn.functional.weighing import reduced, result_memory, weighed, weighing

_KIND = "binary_cross_entropy_with_logits"


@check_arguments
def logistic_regression_loss(
    parameters: np.ndarray,
    features: np.ndarray,
    labels: np.ndarray,
    *,
    l1: NonNegative = 0.0,
    l2: NonNegative = 0.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """Mean or sum of log(1 + exp(−±(a·w + b))) over samples, plus l1 Σ|w| + ½ l2 Σ w².

    Parameters
    ----------
    parameters : numpy.ndarray
        w, (n_features,), or w followed by the intercept b, (n_features + 1,), which is not penalised.
    features : numpy.ndarray
        The rows a, (n_samples, n_features), of the same dtype, float32 or float64.
    labels : numpy.ndarray
        0 or 1, integers (n_samples,).  The sign above is + for 1.
    l1, l2 : float, optional
        Factors ≥ 0 of the penalties, which the reduction does not divide.
    sample_weight : numpy.ndarray, optional
        (n_samples,), weights ≥ 0 of the samples' losses.
    reduction : {'mean', 'sum'}, optional
        The mean is Σ w loss / Σ w, which is NaN for no samples.
    out : numpy.ndarray, optional
        Memory for the result, of shape ().

    Returns
    -------
    number

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), section 4.4.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import logistic_regression_loss
    >>> a, labels = np.array([[1.0], [-1.0]]), np.array([1, 0])
    >>> float(logistic_regression_loss(np.zeros(1), a, labels).round(4))
    0.6931
    """
    problem = _Problem(parameters, features, labels, l1, l2, sample_weight, reduction)
    inputs = problem.parameters, problem.features, labels, sample_weight
    out = result_memory(out, (), problem.dtype, reduction, *inputs)
    by = problem.by
    total = elementwise.total(_KIND, problem.scores(problem.parameters), problem.target, *by[:2], 0.0)
    return reduced(total, by, out, problem.dtype, problem.penalty())


@check_arguments
def logistic_regression_gradient(
    parameters: np.ndarray,
    features: np.ndarray,
    labels: np.ndarray,
    *,
    l1: NonNegative = 0.0,
    l2: NonNegative = 0.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of `logistic_regression_loss` with respect to its parameters.

    Where a weight is 0, the derivative of ``|w|`` is taken as 0.  The subgradient of least norm depends on
    the other terms, and is left to the solvers.

    Parameters
    ----------
    parameters, features, labels, l1, l2, sample_weight, reduction
        As for `logistic_regression_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        Of the shape of `parameters`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import logistic_regression_gradient
    >>> logistic_regression_gradient(np.zeros(1), np.array([[1.0], [-1.0]]), np.array([1, 0]))
    array([-0.5])
    """
    problem = _Problem(parameters, features, labels, l1, l2, sample_weight, reduction)
    out = output(out, problem.parameters.shape, problem.dtype, *problem.inputs(labels, sample_weight))
    scores = problem.scores(problem.parameters)
    slopes = np.empty_like(scores)
    by, factor = problem.by, problem.factor
    elementwise.derivatives(_KIND, scores, problem.target, *by[:2], factor, 0.0, slopes)
    problem.pull_back(slopes, out)
    problem.add_slopes_of_penalty(out)
    return out


@check_arguments
def logistic_regression_hessp(
    parameters: np.ndarray,
    direction: np.ndarray,
    features: np.ndarray,
    labels: np.ndarray,
    *,
    l1: NonNegative = 0.0,
    l2: NonNegative = 0.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The product of the Hessian of `logistic_regression_loss` with a direction.

    Parameters
    ----------
    parameters, direction : numpy.ndarray
        Of one shape.
    features, labels, l1, l2, sample_weight, reduction
        As for `logistic_regression_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        Of the shape of `parameters`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import logistic_regression_hessp
    >>> logistic_regression_hessp(np.zeros(1), np.ones(1), np.array([[1.0], [-1.0]]), np.array([1, 0]))
    array([0.25])
    """
    problem = _Problem(parameters, features, labels, l1, l2, sample_weight, reduction)
    direction = problem.direction(direction)
    inputs = problem.inputs(labels, sample_weight)
    out = output(out, problem.parameters.shape, problem.dtype, direction, *inputs)
    scores, changes = problem.scores(problem.parameters), problem.scores(direction)
    if sample_weight is not None:
        changes = weighed(changes, problem.by.weights)
    slopes = np.empty_like(scores)
    elementwise.derivatives("sigmoid", scores, scores, changes, 1, problem.factor, 0.0, slopes)
    problem.pull_back(slopes, out)
    problem.add_curvature_of_penalty(direction, out)
    return out


@check_arguments
def multinomial_logistic_regression_loss(
    parameters: np.ndarray,
    features: np.ndarray,
    labels: np.ndarray,
    classes: Count,
    *,
    l1: NonNegative = 0.0,
    l2: NonNegative = 0.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.floating | np.ndarray:
    """Mean or sum of −log softmax(W a + b) at the label over samples, plus l1 Σ|w| + ½ l2 Σ w² over W.

    Parameters
    ----------
    parameters : numpy.ndarray
        The rows of W, (classes, n_features), one after the other: (classes · n_features,); or these followed
        by the intercepts b, (classes · n_features + classes,), which are not penalised.
    features : numpy.ndarray
        The rows a, (n_samples, n_features), of the same dtype, float32 or float64.
    labels : numpy.ndarray
        Integers from 0 to classes − 1, (n_samples,).
    classes : int
        The number of classes.
    l1, l2 : float, optional
        Factors ≥ 0 of the penalties, which the reduction does not divide.
    sample_weight : numpy.ndarray, optional
        (n_samples,), weights ≥ 0 of the samples' losses.
    reduction : {'mean', 'sum'}, optional
        The mean is Σ w loss / Σ w, which is NaN for no samples.
    out : numpy.ndarray, optional
        Memory for the result, of shape ().

    Returns
    -------
    number

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Every class has its own w and b.  As only differences of scores count, adding one vector to all w changes
    the penalties alone: with ``l2 > 0`` and ``l1 = 0`` the w of the minimum add up to 0.

    Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), section 4.4.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import multinomial_logistic_regression_loss
    >>> a, labels = np.array([[1.0], [-1.0], [0.0]]), np.array([2, 0, 1])
    >>> float(multinomial_logistic_regression_loss(np.zeros(3), a, labels, 3).round(4))
    1.0986
    """
    problem = _Problem(parameters, features, labels, l1, l2, sample_weight, reduction, classes)
    inputs = problem.parameters, problem.features, labels, sample_weight
    out = result_memory(out, (), problem.dtype, reduction, *inputs)
    by, scores = problem.by, problem.scores(problem.parameters)
    nowhere = np.empty(0, problem.dtype)
    total = cross_entropy.cross_entropy(scores.reshape(-1), problem.target, classes, *by[:2], 0.0, nowhere)
    return reduced(total, by, out, problem.dtype, problem.penalty())


@check_arguments
def multinomial_logistic_regression_gradient(
    parameters: np.ndarray,
    features: np.ndarray,
    labels: np.ndarray,
    classes: Count,
    *,
    l1: NonNegative = 0.0,
    l2: NonNegative = 0.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of `multinomial_logistic_regression_loss` with respect to its parameters.

    Where a weight is 0, the derivative of ``|w|`` is taken as 0, as in `logistic_regression_gradient`.

    Parameters
    ----------
    parameters, features, labels, classes, l1, l2, sample_weight, reduction
        As for `multinomial_logistic_regression_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        Of the shape of `parameters`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import multinomial_logistic_regression_gradient
    >>> a, labels = np.array([[1.0], [-1.0], [0.0]]), np.array([2, 0, 1])
    >>> multinomial_logistic_regression_gradient(np.zeros(3), a, labels, 3).round(4)
    array([ 0.3333,  0.    , -0.3333])
    """
    problem = _Problem(parameters, features, labels, l1, l2, sample_weight, reduction, classes)
    out = output(out, problem.parameters.shape, problem.dtype, *problem.inputs(labels, sample_weight))
    scores = problem.scores(problem.parameters)
    slopes = np.empty_like(scores)
    cross_entropy.cross_entropy_backward(
        scores.reshape(-1), problem.target, classes, *problem.by[:2], problem.factor, 0.0, slopes.reshape(-1)
    )
    problem.pull_back(slopes, out)
    problem.add_slopes_of_penalty(out)
    return out


@check_arguments
def multinomial_logistic_regression_hessp(
    parameters: np.ndarray,
    direction: np.ndarray,
    features: np.ndarray,
    labels: np.ndarray,
    classes: Count,
    *,
    l1: NonNegative = 0.0,
    l2: NonNegative = 0.0,
    sample_weight: np.ndarray | None = None,
    reduction: str = "mean",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The product of the Hessian of `multinomial_logistic_regression_loss` with a direction.

    Parameters
    ----------
    parameters, direction : numpy.ndarray
        Of one shape.
    features, labels, classes, l1, l2, sample_weight, reduction
        As for `multinomial_logistic_regression_loss`.
    out : numpy.ndarray, optional
        Memory for the result.

    Returns
    -------
    numpy.ndarray
        Of the shape of `parameters`.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import multinomial_logistic_regression_hessp
    >>> a, labels = np.array([[1.0], [-1.0]]), np.array([1, 0])
    >>> multinomial_logistic_regression_hessp(np.zeros(2), np.array([1.0, 0.0]), a, labels, 2)
    array([ 0.25, -0.25])
    """
    problem = _Problem(parameters, features, labels, l1, l2, sample_weight, reduction, classes)
    direction = problem.direction(direction)
    inputs = problem.inputs(labels, sample_weight)
    out = output(out, problem.parameters.shape, problem.dtype, direction, *inputs)
    scores = problem.scores(problem.parameters)
    changes, scale = problem.scaled_scores(direction)
    if sample_weight is not None:
        changes = weighed(changes, problem.by.weights)
    slopes = np.empty_like(scores)
    softmax.softmax_backward(changes.reshape(-1), scores.reshape(-1), classes, slopes.reshape(-1))
    with np.errstate(over="ignore"):
        slopes *= problem.dtype.type(problem.factor)
        slopes *= scale
    problem.pull_back(slopes, out)
    problem.add_curvature_of_penalty(direction, out)
    return out


class _Problem:
    """The checked arguments of the three functions, for two classes or for a number of them."""

    def __init__(self, parameters, features, labels, l1, l2, sample_weight, reduction, classes=None):
        self.features = real_array("features", features, ndim=2)
        self.dtype = self.features.dtype
        self.parameters = real_array("parameters", parameters, ndim=1, dtype=self.dtype)
        samples, count = self.features.shape
        self.shape = (count,) if classes is None else (classes, count)  # of the weights
        size, intercepts = math.prod(self.shape), 1 if classes is None else classes
        if self.parameters.size not in (size, size + intercepts):
            given = f"features {self.features.shape}" + (f" and {classes} classes" if classes else "")
            name = "an intercept" if classes is None else "intercepts"
            raise ValueError(
                f"parameters has shape {self.parameters.shape}; {given} need "
                f"({size},), or ({size + intercepts},) with {name}"
            )
        self.w = self.parameters[:size]
        labels = np.asarray(labels)
        if labels.dtype.kind not in "iu":
            raise TypeError(f"labels must be integers; the dtype is {labels.dtype}")
        if labels.shape != (samples,):
            raise ValueError(f"labels has shape {labels.shape}, but features has {self.features.shape}")
        target = np.ascontiguousarray(labels, np.int64)
        if not cross_entropy.labels_within(target, 2 if classes is None else classes):
            wanted = "0 or 1" if classes is None else f"from 0 to {classes - 1}, for {classes} classes,"
            raise ValueError(f"labels must be {wanted} everywhere")
        self.target = labels.astype(self.dtype) if classes is None else target
        if reduction not in ("mean", "sum"):
            raise ValueError(f"reduction must be 'mean' or 'sum'; it is {reduction!r}")
        if sample_weight is not None and np.shape(sample_weight) != (samples,):
            raise ValueError(
                f"sample_weight has shape {np.shape(sample_weight)}, but there are {samples} samples"
            )
        self.by = weighing(sample_weight, (samples,), self.features, reduction)
        self.factor = 1.0 / self.by.divisor if self.by.divisor else np.nan
        self.l1, self.l2 = l1, l2

    def direction(self, given):
        """A direction, checked."""
        direction = real_array("direction", given, dtype=self.dtype)
        if direction.shape != self.parameters.shape:
            raise ValueError(
                f"direction has shape {direction.shape}, but parameters has {self.parameters.shape}"
            )
        return direction

    def inputs(self, labels, sample_weight):
        """The arrays that a result must not overlap."""
        return self.parameters, self.features, labels, sample_weight

    def scores(self, vector):
        """a·w + b of all samples; of several classes, perhaps less the largest score of each sample."""
        scores, scale = self.scaled_scores(vector)
        with np.errstate(over="ignore"):
            return scores * scale if scale != 1 else scores

    def scaled_scores(self, vector):
        """The scores divided by a scale, which is 1 unless they overflow, and the scale."""
        size, one = self.w.size, self.dtype.type(1)
        with np.errstate(over="ignore", invalid="ignore"):
            scores = self.features @ vector[:size].reshape(self.shape).T
            if vector.size > size:
                scores += vector[size:]
            # Perhaps ∞ − ∞: a scaled vector gives the sign, or the differences between classes.
            several = len(self.shape) > 1
            overflowed = not np.isfinite(scores).all() if several else np.isnan(scores).any()
            largest = np.abs(vector).max() if overflowed else one
            if 1 < largest < np.inf:
                scores, _ = self.scaled_scores(vector / largest)
                return scores - scores.max(axis=1, keepdims=True) if several else scores, largest
        return scores, one

    def penalty(self):
        """l1 Σ|w| + ½ l2 Σ w²; a penalty with factor 0 is 0, however large the weights."""
        w, total = self.w.astype(np.float64), 0.0
        with np.errstate(over="ignore"):
            if self.l1:
                total += float((self.l1 * np.abs(w)).sum())
            if self.l2:
                total += 0.5 * float((self.l2 * w) @ w)
        return total

    def add_slopes_of_penalty(self, out):
        """Add the gradient of the penalty to that of the losses."""
        w, real = self.w, self.dtype.type
        with np.errstate(over="ignore"):
            if self.l1:
                out[: w.size] += real(self.l1) * np.sign(w)
            if self.l2:
                out[: w.size] += real(self.l2) * w

    def add_curvature_of_penalty(self, direction, out):
        """Add the product of the penalty's Hessian with a direction to that of the losses."""
        size = self.w.size
        out[:size] += self.dtype.type(self.l2) * direction[:size]

    def pull_back(self, slopes, out):
        """The gradient with respect to the parameters from that with respect to the scores."""
        size = self.w.size
        np.matmul(slopes.T, self.features, out=out[:size].reshape(self.shape))
        if out.size > size:
            out[size:] = slopes.sum(axis=0, dtype=np.float64)


def _exercise(dtype):
    parameters, features, labels = sample(dtype, 4), sample(dtype, 5, 3), np.array([0, 1, 0, 1, 1])
    for weight in (None, sample(dtype, 5)):
        given = {"l1": 0.5, "l2": 0.5, "sample_weight": weight}
        logistic_regression_loss(parameters, features, labels, **given)
        logistic_regression_gradient(parameters, features, labels, **given)
        logistic_regression_hessp(parameters, parameters, features, labels, **given)


LOGISTIC_REGRESSION = operation(logistic_regression_loss, logistic_regression_gradient, _exercise)


def _exercise_multinomial(dtype):
    parameters, features, labels = sample(dtype, 12), sample(dtype, 5, 3), np.array([0, 1, 2, 1, 2])
    for weight in (None, sample(dtype, 5)):
        given = {"l1": 0.5, "l2": 0.5, "sample_weight": weight}
        multinomial_logistic_regression_loss(parameters, features, labels, 3, **given)
        multinomial_logistic_regression_gradient(parameters, features, labels, 3, **given)
        multinomial_logistic_regression_hessp(parameters, parameters, features, labels, 3, **given)


MULTINOMIAL_LOGISTIC_REGRESSION = operation(
    multinomial_logistic_regression_loss, multinomial_logistic_regression_gradient, _exercise_multinomial
)
