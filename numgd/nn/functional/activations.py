"""Activations, forward and backward."""

import numpy as np

from numgd.foundations.ranges import Finite, Positive, check_arguments, one_of
from numgd.kernels.layers import elementwise
from numgd.nn.functional.anywhere import anywhere
from numgd.nn.functional.checks import output, real_array, with_grad
from numgd.nn.functional.operation import operation, sample
from numgd.scalars import ACTIVATIONS


def activation(kind, x, parameter, out):
    """An activation of every element; x itself can be `out` if the gradient needs only the result."""
    in_place = out is x and ACTIVATIONS[kind].keeps_slope and parameter >= 0
    x = real_array("x", x)
    out = output(out, x.shape, x.dtype, *(() if in_place else (x,)))
    vector = x.reshape(-1)
    one = elementwise.one(x)
    elementwise.values(kind, vector, vector, one, vector.size + 1, 1.0, parameter, out.reshape(-1))
    return out


def activation_backward(kind, grad, x, parameter, out):
    """The gradient of Σ grad f(x) with respect to x."""
    grad, x = with_grad(grad, x)
    out = output(out, x.shape, x.dtype, grad, x)
    vector = x.reshape(-1)
    elementwise.derivatives(kind, vector, vector, grad.reshape(-1), 1, 1.0, parameter, out.reshape(-1))
    return out


@anywhere
def relu(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """max(x, 0), element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`; not overlapping it, or `x` itself.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    The derivative at 0 is 0.  NaN gives NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import relu
    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    return activation("relu", x, 0.0, out)


@anywhere
def relu_backward(grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The gradient of ``sum(grad * relu(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.  The result of `relu` can be given for `x`.
    out : numpy.ndarray, optional
        As for `relu`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import relu_backward
    >>> relu_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0., 1.])
    """
    return activation_backward("relu", grad, x, 0.0, out)


@anywhere
def relu6(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """max(x, 0), at most 6, element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`; not overlapping it, or `x` itself.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Krizhevsky, Convolutional deep belief networks on CIFAR-10 (2010).  The derivative is 0 at 0 and at 6.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import relu6
    >>> relu6(np.array([-1.0, 2.0, 7.0]))
    array([0., 2., 6.])
    """
    return activation("relu6", x, 0.0, out)


@anywhere
def relu6_backward(grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The gradient of ``sum(grad * relu6(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.  The result of `relu6` can be given for `x`.
    out : numpy.ndarray, optional
        As for `relu6`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import relu6_backward
    >>> relu6_backward(np.ones(3), np.array([-1.0, 2.0, 7.0]))
    array([0., 1., 0.])
    """
    return activation_backward("relu6", grad, x, 0.0, out)


@anywhere
@check_arguments
def leaky_relu(x: np.ndarray, *, negative_slope: Finite = 0.01, out: np.ndarray | None = None) -> np.ndarray:
    """x where x > 0, else ``negative_slope`` times x, element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    negative_slope : float, optional
        The slope where x < 0.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`; not overlapping it,
        or, if the slope is not negative, `x` itself.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic models (2013).

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import leaky_relu
    >>> leaky_relu(np.array([-1.0, 2.0]))
    array([-0.01,  2.  ])
    """
    return activation("leaky_relu", x, negative_slope, out)


@anywhere
@check_arguments
def leaky_relu_backward(
    grad: np.ndarray, x: np.ndarray, *, negative_slope: Finite = 0.01, out: np.ndarray | None = None
) -> np.ndarray:
    """The gradient of ``sum(grad * leaky_relu(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.  If the slope is not negative, the result of `leaky_relu`
        can be given for `x`.
    negative_slope : float, optional
        The slope where x < 0.
    out : numpy.ndarray, optional
        As for `leaky_relu`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import leaky_relu_backward
    >>> leaky_relu_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0.01, 1.  ])
    """
    return activation_backward("leaky_relu", grad, x, negative_slope, out)


@anywhere
@check_arguments
def elu(x: np.ndarray, *, alpha: Finite = 1.0, out: np.ndarray | None = None) -> np.ndarray:
    """x where x > 0, else alpha (eˣ − 1), element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    alpha : float, optional
        The limit at −∞ is −alpha.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by ELUs (2016), equation 15.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import elu
    >>> elu(np.array([-1.0, 2.0])).round(3)
    array([-0.632,  2.   ])
    """
    return activation("elu", x, alpha, out)


@anywhere
@check_arguments
def elu_backward(
    grad: np.ndarray, x: np.ndarray, *, alpha: Finite = 1.0, out: np.ndarray | None = None
) -> np.ndarray:
    """The gradient of ``sum(grad * elu(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    alpha : float, optional
        The limit at −∞ is −alpha.
    out : numpy.ndarray, optional
        As for `elu`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import elu_backward
    >>> elu_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0.368, 1.   ])
    """
    return activation_backward("elu", grad, x, alpha, out)


_GELU = {"none": "gelu", "tanh": "gelu_tanh"}
"""The activation by the value of `approximate`."""


@anywhere
@check_arguments
def gelu(
    x: np.ndarray, *, approximate: one_of("none", "tanh") = "none", out: np.ndarray | None = None
) -> np.ndarray:
    """x Φ(x), where Φ is the distribution function of the normal distribution, element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    approximate : {'none', 'tanh'}, optional
        With 'tanh', ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Hendrycks and Gimpel, Gaussian error linear units (2016), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import gelu
    >>> gelu(np.array([-1.0, 2.0])).round(3)
    array([-0.159,  1.954])
    """
    return activation(_GELU[approximate], x, 0.0, out)


@anywhere
@check_arguments
def gelu_backward(
    grad: np.ndarray,
    x: np.ndarray,
    *,
    approximate: one_of("none", "tanh") = "none",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient of ``sum(grad * gelu(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    approximate : {'none', 'tanh'}, optional
        With 'tanh', ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    out : numpy.ndarray, optional
        As for `gelu`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import gelu_backward
    >>> gelu_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([-0.083,  1.085])
    """
    return activation_backward(_GELU[approximate], grad, x, 0.0, out)


@anywhere
def silu(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """x / (1 + e⁻ˣ), element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Elfwing, Uchibe and Doya, Sigmoid-weighted linear units (2018), equation 4; also called swish.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import silu
    >>> silu(np.array([-1.0, 2.0])).round(3)
    array([-0.269,  1.762])
    """
    return activation("silu", x, 0.0, out)


@anywhere
def silu_backward(grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The gradient of ``sum(grad * silu(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    out : numpy.ndarray, optional
        As for `silu`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import silu_backward
    >>> silu_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0.072, 1.091])
    """
    return activation_backward("silu", grad, x, 0.0, out)


@anywhere
def sigmoid(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """1 / (1 + e⁻ˣ), element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import sigmoid
    >>> sigmoid(np.array([0.0, 2.0])).round(3)
    array([0.5  , 0.881])
    """
    return activation("sigmoid", x, 0.0, out)


@anywhere
def sigmoid_backward(grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The gradient of ``sum(grad * sigmoid(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    out : numpy.ndarray, optional
        As for `sigmoid`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import sigmoid_backward
    >>> sigmoid_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0.197, 0.105])
    """
    return activation_backward("sigmoid", grad, x, 0.0, out)


@anywhere
def tanh(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """Hyperbolic tangent, element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import tanh
    >>> tanh(np.array([0.0, 2.0])).round(3)
    array([0.   , 0.964])
    """
    return activation("tanh", x, 0.0, out)


@anywhere
def tanh_backward(grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The gradient of ``sum(grad * tanh(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    out : numpy.ndarray, optional
        As for `tanh`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import tanh_backward
    >>> tanh_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0.42 , 0.071])
    """
    return activation_backward("tanh", grad, x, 0.0, out)


@anywhere
@check_arguments
def softplus(x: np.ndarray, *, beta: Positive = 1.0, out: np.ndarray | None = None) -> np.ndarray:
    """log(1 + exp(beta x)) / beta, element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    beta : float, optional
        Positive; the larger, the closer to max(x, 0).
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Dugas, Bengio, Bélisle, Nadeau and Garcia, Incorporating second-order functional knowledge for better
    option pricing (2001).  No threshold is needed: large numbers do not overflow.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import softplus
    >>> softplus(np.array([-1.0, 2.0])).round(3)
    array([0.313, 2.127])
    """
    return activation("softplus", x, beta, out)


@anywhere
@check_arguments
def softplus_backward(
    grad: np.ndarray, x: np.ndarray, *, beta: Positive = 1.0, out: np.ndarray | None = None
) -> np.ndarray:
    """The gradient of ``sum(grad * softplus(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    beta : float, optional
        As for `softplus`.
    out : numpy.ndarray, optional
        As for `softplus`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import softplus_backward
    >>> softplus_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0.269, 0.881])
    """
    return activation_backward("softplus", grad, x, beta, out)


@anywhere
def selu(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """λ x where x > 0, else λ α (eˣ − 1), element by element, with λ = 1.0507… and α = 1.6733….

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Klambauer, Unterthiner, Mayr and Hochreiter, Self-normalizing neural networks (2017), equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import selu
    >>> selu(np.array([-1.0, 2.0])).round(3)
    array([-1.111,  2.101])
    """
    return activation("selu", x, 0.0, out)


@anywhere
def selu_backward(grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The gradient of ``sum(grad * selu(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    out : numpy.ndarray, optional
        As for `selu`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import selu_backward
    >>> selu_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0.647, 1.051])
    """
    return activation_backward("selu", grad, x, 0.0, out)


@anywhere
def mish(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """x tanh(log(1 + eˣ)), element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Misra, Mish: a self regularized non-monotonic activation function (2020), equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import mish
    >>> mish(np.array([-1.0, 2.0])).round(3)
    array([-0.303,  1.944])
    """
    return activation("mish", x, 0.0, out)


@anywhere
def mish_backward(grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The gradient of ``sum(grad * mish(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    out : numpy.ndarray, optional
        As for `mish`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import mish_backward
    >>> mish_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0.059, 1.069])
    """
    return activation_backward("mish", grad, x, 0.0, out)


@anywhere
def hardswish(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """x (x + 3)/6 from −3 to 3, 0 below and x above, element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Howard et al., Searching for MobileNetV3 (2019), section 5.2.  The derivative is 0 at −3 and 1 at 3.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import hardswish
    >>> hardswish(np.array([-1.0, 2.0])).round(3)
    array([-0.333,  1.667])
    """
    return activation("hardswish", x, 0.0, out)


@anywhere
def hardswish_backward(grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The gradient of ``sum(grad * hardswish(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    out : numpy.ndarray, optional
        As for `hardswish`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import hardswish_backward
    >>> hardswish_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0.167, 1.167])
    """
    return activation_backward("hardswish", grad, x, 0.0, out)


@anywhere
def hardsigmoid(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """(x + 3)/6, at least 0 and at most 1, element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Howard et al., Searching for MobileNetV3 (2019), section 5.2.  The derivative is 0 at −3 and 3.

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import hardsigmoid
    >>> hardsigmoid(np.array([-1.0, 2.0])).round(3)
    array([0.333, 0.833])
    """
    return activation("hardsigmoid", x, 0.0, out)


@anywhere
def hardsigmoid_backward(grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The gradient of ``sum(grad * hardsigmoid(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    out : numpy.ndarray, optional
        As for `hardsigmoid`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import hardsigmoid_backward
    >>> hardsigmoid_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0.167, 0.167])
    """
    return activation_backward("hardsigmoid", grad, x, 0.0, out)


@anywhere
def softsign(x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """x / (1 + |x|), element by element.

    Parameters
    ----------
    x : numpy.ndarray
        float32 or float64, of any shape.
    out : numpy.ndarray, optional
        Memory for the result: contiguous, with the shape and dtype of `x`, not overlapping it.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above.

    Notes
    -----
    Turian, Bergstra and Bengio, Quadratic features and deep architectures for chunking (2009).

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import softsign
    >>> softsign(np.array([-1.0, 2.0])).round(3)
    array([-0.5  ,  0.667])
    """
    return activation("softsign", x, 0.0, out)


@anywhere
def softsign_backward(grad: np.ndarray, x: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """The gradient of ``sum(grad * softsign(x))`` with respect to `x`.

    Parameters
    ----------
    grad, x : numpy.ndarray
        Of the same shape and dtype.
    out : numpy.ndarray, optional
        As for `softsign`.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from numgd.nn.functional import softsign_backward
    >>> softsign_backward(np.ones(2), np.array([-1.0, 2.0])).round(3)
    array([0.25 , 0.111])
    """
    return activation_backward("softsign", grad, x, 0.0, out)


def _of_elements(forward, backward):
    def exercise(dtype):
        x = sample(dtype, 2, 3)
        backward(forward(x), x)

    return operation(forward, backward, exercise)


def _exercise_gelu(dtype):
    x = sample(dtype, 2, 3)
    for approximate in ("none", "tanh"):
        gelu_backward(gelu(x, approximate=approximate), x, approximate=approximate)


RELU = _of_elements(relu, relu_backward)
RELU6 = _of_elements(relu6, relu6_backward)
LEAKY_RELU = _of_elements(leaky_relu, leaky_relu_backward)
ELU = _of_elements(elu, elu_backward)
GELU = operation(gelu, gelu_backward, _exercise_gelu)
SILU = _of_elements(silu, silu_backward)
SOFTPLUS = _of_elements(softplus, softplus_backward)
SELU = _of_elements(selu, selu_backward)
MISH = _of_elements(mish, mish_backward)
HARDSWISH = _of_elements(hardswish, hardswish_backward)
HARDSIGMOID = _of_elements(hardsigmoid, hardsigmoid_backward)
SOFTSIGN = _of_elements(softsign, softsign_backward)
SIGMOID = _of_elements(sigmoid, sigmoid_backward)
TANH = _of_elements(tanh, tanh_backward)
