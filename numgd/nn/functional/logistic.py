"""Logistic regression as a function of one flat vector: the penalised loss, its gradient and its Hessian."""

import numpy as np

from numgd.foundations.ranges import NonNegative, check_arguments
from numgd.kernels.cpu.layers import cross_entropy, elementwise
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

    Where a weight is 0, the derivative of |w| is taken as 0.  The subgradient of least norm depends on the
    other terms, and is left to the solvers.

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
    direction = real_array("direction", direction, dtype=problem.dtype)
    if direction.shape != problem.parameters.shape:
        raise ValueError(
            f"direction has shape {direction.shape}, but parameters has {problem.parameters.shape}"
        )
    inputs = problem.inputs(labels, sample_weight)
    out = output(out, problem.parameters.shape, problem.dtype, direction, *inputs)
    scores, changes = problem.scores(problem.parameters), problem.scores(direction)
    if sample_weight is not None:
        changes = weighed(changes, problem.by.weights)
    slopes = np.empty_like(scores)
    elementwise.derivatives("sigmoid", scores, scores, changes, 1, problem.factor, 0.0, slopes)
    problem.pull_back(slopes, out)
    size = problem.w.size
    out[:size] += problem.dtype.type(problem.l2) * direction[:size]
    return out


class _Problem:
    """The checked arguments of the three functions."""

    def __init__(self, parameters, features, labels, l1, l2, sample_weight, reduction):
        self.features = real_array("features", features, ndim=2)
        self.dtype = self.features.dtype
        self.parameters = real_array("parameters", parameters, ndim=1, dtype=self.dtype)
        samples, size = self.features.shape
        if self.parameters.size not in (size, size + 1):
            raise ValueError(
                f"parameters has shape {self.parameters.shape}; features {self.features.shape} need "
                f"({size},), or ({size + 1},) with an intercept"
            )
        self.w = self.parameters[:size]
        labels = np.asarray(labels)
        if labels.dtype.kind not in "iu":
            raise TypeError(f"labels must be integers; the dtype is {labels.dtype}")
        if labels.shape != (samples,):
            raise ValueError(f"labels has shape {labels.shape}, but features has {self.features.shape}")
        if not cross_entropy.labels_within(np.ascontiguousarray(labels, np.int64), 2):
            raise ValueError("labels must be 0 or 1 everywhere")
        self.target = labels.astype(self.dtype)
        if reduction not in ("mean", "sum"):
            raise ValueError(f"reduction must be 'mean' or 'sum'; it is {reduction!r}")
        if sample_weight is not None and np.shape(sample_weight) != (samples,):
            raise ValueError(
                f"sample_weight has shape {np.shape(sample_weight)}, but there are {samples} samples"
            )
        self.by = weighing(sample_weight, (samples,), self.dtype, reduction)
        self.factor = 1.0 / self.by.divisor if self.by.divisor else np.nan
        self.l1, self.l2 = l1, l2

    def inputs(self, labels, sample_weight):
        """The arrays that a result must not overlap."""
        return self.parameters, self.features, labels, sample_weight

    def scores(self, vector):
        """a·w + b of all samples."""
        size = self.w.size
        with np.errstate(over="ignore", invalid="ignore"):
            scores = self.features @ vector[:size]
            if np.isnan(scores).any():  # perhaps ∞ − ∞: a scaled vector gives the sign
                largest = np.abs(vector).max()
                return largest * self.scores(vector / largest) if 1 < largest < np.inf else scores
            if vector.size > size:
                scores += vector[size]
        return scores

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

    def pull_back(self, slopes, out):
        """The gradient with respect to the parameters from that with respect to the scores."""
        size = self.w.size
        np.matmul(slopes, self.features, out=out[:size])
        if out.size > size:
            out[size] = slopes.sum(dtype=np.float64)


def _exercise(dtype):
    parameters, features, labels = sample(dtype, 4), sample(dtype, 5, 3), np.array([0, 1, 0, 1, 1])
    for weight in (None, sample(dtype, 5)):
        given = {"l1": 0.5, "l2": 0.5, "sample_weight": weight}
        logistic_regression_loss(parameters, features, labels, **given)
        logistic_regression_gradient(parameters, features, labels, **given)
        logistic_regression_hessp(parameters, parameters, features, labels, **given)


LOGISTIC_REGRESSION = operation(logistic_regression_loss, logistic_regression_gradient, _exercise)
