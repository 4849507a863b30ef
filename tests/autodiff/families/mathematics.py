"""Every smooth function of `math` and every elementwise one of NumPy, each alone."""

import math

import numpy as np

from .case import P5, U5, X5, case

WEIGHTS = np.array([0.4, 1.0, -0.7, 1.3, 0.6])


def math_sin(t):
    return math.sin(t)


def math_cos(t):
    return math.cos(t)


def math_tan(t):
    return math.tan(t)


def math_asin(t):
    return math.asin(t)


def math_acos(t):
    return math.acos(t)


def math_atan(t):
    return math.atan(t)


def math_sinh(t):
    return math.sinh(t)


def math_cosh(t):
    return math.cosh(t)


def math_tanh(t):
    return math.tanh(t)


def math_asinh(t):
    return math.asinh(t)


def math_acosh(t):
    return math.acosh(t)


def math_atanh(t):
    return math.atanh(t)


def math_exp(t):
    return math.exp(t)


def math_expm1(t):
    return math.expm1(t)


def math_log(t):
    return math.log(t)


def math_log2(t):
    return math.log2(t)


def math_log10(t):
    return math.log10(t)


def math_log1p(t):
    return math.log1p(t)


def math_sqrt(t):
    return math.sqrt(t)


def math_fabs(t):
    return math.fabs(t) * t


def math_erf(t):
    return math.erf(t)


def math_erfc(t):
    return math.erfc(t)


def math_gamma(t):
    return math.gamma(t)


def math_lgamma(t):
    return math.lgamma(t)


def math_degrees(t):
    return math.degrees(t) ** 2


def math_radians(t):
    return math.radians(t) ** 2


def math_exp2(t):
    return math.exp2(t)


def math_atan2(s, t):
    return math.atan2(s, t)


def math_hypot(s, t):
    return math.hypot(s, t)


def math_pow(s, t):
    return math.pow(s, t)


def math_copysign(s, t):
    return math.copysign(s, t) * t


def numpy_sin(x):
    return np.sum(np.sin(x) * WEIGHTS * x)


def numpy_cos(x):
    return np.sum(np.cos(x) * WEIGHTS * x)


def numpy_tan(x):
    return np.sum(np.tan(x) * WEIGHTS * x)


def numpy_arcsin(x):
    return np.sum(np.arcsin(x) * WEIGHTS * x)


def numpy_arccos(x):
    return np.sum(np.arccos(x) * WEIGHTS * x)


def numpy_arctan(x):
    return np.sum(np.arctan(x) * WEIGHTS * x)


def numpy_sinh(x):
    return np.sum(np.sinh(x) * WEIGHTS * x)


def numpy_cosh(x):
    return np.sum(np.cosh(x) * WEIGHTS * x)


def numpy_tanh(x):
    return np.sum(np.tanh(x) * WEIGHTS * x)


def numpy_arcsinh(x):
    return np.sum(np.arcsinh(x) * WEIGHTS * x)


def numpy_arccosh(x):
    return np.sum(np.arccosh(x) * WEIGHTS * x)


def numpy_arctanh(x):
    return np.sum(np.arctanh(x) * WEIGHTS * x)


def numpy_exp(x):
    return np.sum(np.exp(x) * WEIGHTS * x)


def numpy_exp2(x):
    return np.sum(np.exp2(x) * WEIGHTS * x)


def numpy_expm1(x):
    return np.sum(np.expm1(x) * WEIGHTS * x)


def numpy_log(x):
    return np.sum(np.log(x) * WEIGHTS * x)


def numpy_log2(x):
    return np.sum(np.log2(x) * WEIGHTS * x)


def numpy_log10(x):
    return np.sum(np.log10(x) * WEIGHTS * x)


def numpy_log1p(x):
    return np.sum(np.log1p(x) * WEIGHTS * x)


def numpy_sqrt(x):
    return np.sum(np.sqrt(x) * WEIGHTS * x)


def numpy_cbrt(x):
    return np.sum(np.cbrt(x) * WEIGHTS * x)


def numpy_square(x):
    return np.sum(np.square(x) * WEIGHTS * x)


def numpy_reciprocal(x):
    return np.sum(np.reciprocal(x) * WEIGHTS * x)


def numpy_negative(x):
    return np.sum(np.negative(x) * WEIGHTS * x)


def numpy_positive(x):
    return np.sum(np.positive(x) * WEIGHTS * x)


def numpy_abs(x):
    return np.sum(np.abs(x) * WEIGHTS * x)


def numpy_absolute(x):
    return np.sum(np.absolute(x) * WEIGHTS * x)


def numpy_fabs(x):
    return np.sum(np.fabs(x) * WEIGHTS * x)


def numpy_deg2rad(x):
    return np.sum(np.deg2rad(x) * WEIGHTS * x)


def numpy_rad2deg(x):
    return np.sum(np.rad2deg(x) * WEIGHTS * x)


def numpy_degrees(x):
    return np.sum(np.degrees(x) * WEIGHTS * x)


def numpy_radians(x):
    return np.sum(np.radians(x) * WEIGHTS * x)


def numpy_sinc(x):
    return np.sum(np.sinc(x) * WEIGHTS * x)


def numpy_add(x, y):
    return np.sum(np.add(x, y) * WEIGHTS * x)


def numpy_subtract(x, y):
    return np.sum(np.subtract(x, y) * WEIGHTS * x)


def numpy_multiply(x, y):
    return np.sum(np.multiply(x, y) * WEIGHTS * x)


def numpy_divide(x, y):
    return np.sum(np.divide(x, y) * WEIGHTS * x)


def numpy_true_divide(x, y):
    return np.sum(np.true_divide(x, y) * WEIGHTS * x)


def numpy_power(x, y):
    return np.sum(np.power(x, y) * WEIGHTS * x)


def numpy_arctan2(x, y):
    return np.sum(np.arctan2(x, y) * WEIGHTS * x)


def numpy_hypot(x, y):
    return np.sum(np.hypot(x, y) * WEIGHTS * x)


def numpy_maximum(x, y):
    return np.sum(np.maximum(x, y) * WEIGHTS * x)


def numpy_minimum(x, y):
    return np.sum(np.minimum(x, y) * WEIGHTS * x)


def numpy_fmax(x, y):
    return np.sum(np.fmax(x, y) * WEIGHTS * x)


def numpy_fmin(x, y):
    return np.sum(np.fmin(x, y) * WEIGHTS * x)


def numpy_logaddexp(x, y):
    return np.sum(np.logaddexp(x, y) * WEIGHTS * x)


def numpy_logaddexp2(x, y):
    return np.sum(np.logaddexp2(x, y) * WEIGHTS * x)


def numpy_copysign(x, y):
    return np.sum(np.copysign(x, y) * WEIGHTS * x)


def numpy_mod(x, y):
    return np.sum(np.mod(x, y) * WEIGHTS * x)


def numpy_remainder(x, y):
    return np.sum(np.remainder(x, y) * WEIGHTS * x)


def numpy_fmod(x, y):
    return np.sum(np.fmod(x, y) * WEIGHTS * x)


def numpy_floor_divide(x, y):
    return np.sum(np.floor_divide(x, y) * WEIGHTS * x)


def math_of_elements(x):
    total = 0.0
    for i in range(x.size):
        total += math.sin(x[i]) * math.exp(-(x[i] ** 2)) / math.sqrt(1.0 + x[i] ** 2)
    return total


def numpy_of_scalars(x):
    return np.sin(x[0]) * np.exp(x[1]) + np.sqrt(x[3]) * np.tanh(x[2]) + np.maximum(x[0], x[1])


def composed_elementwise(x):
    return np.sum(np.log(1.0 + np.exp(-np.abs(x))) + np.maximum(x, 0.0))


def out_argument(x):
    y = np.empty_like(x)
    np.multiply(x, x, y)
    np.sin(y, y)
    return np.sum(y * x)


CASES = [
    case(math_sin, 0.7, second=True, single=True),
    case(math_cos, 0.7),
    case(math_tan, 0.7, second=True),
    case(math_asin, 0.4, second=True),
    case(math_acos, 0.4),
    case(math_atan, 1.4, second=True),
    case(math_sinh, 0.7),
    case(math_cosh, 0.7),
    case(math_tanh, 0.7, second=True),
    case(math_asinh, -0.7),
    case(math_acosh, 1.7, second=True),
    case(math_atanh, 0.4),
    case(math_exp, 0.7, second=True, single=True),
    case(math_expm1, 0.7),
    case(math_log, 0.7),
    case(math_log2, 0.7),
    case(math_log10, 0.7),
    case(math_log1p, 0.7, second=True),
    case(math_sqrt, 0.7, second=True),
    case(math_fabs, -0.7),
    case(math_erf, 0.7, second=True, single=True),
    case(math_erfc, 0.7),
    case(math_gamma, 2.7),
    case(math_lgamma, 2.7),
    case(math_degrees, 0.7),
    case(math_radians, 0.7),
    case(math_exp2, 0.7),
    case(math_atan2, 0.7, -1.2, argnum=(0, 1)),
    case(math_hypot, 0.7, -1.2, argnum=(0, 1)),
    case(math_pow, 0.7, -1.2, argnum=(0, 1)),
    case(math_copysign, 0.7, -1.2, argnum=(0, 1)),
    case(numpy_sin, X5, second=True),
    case(numpy_cos, X5, second=True),
    case(numpy_tan, U5, second=True),
    case(numpy_arcsin, U5),
    case(numpy_arccos, U5),
    case(numpy_arctan, X5, second=True),
    case(numpy_sinh, X5),
    case(numpy_cosh, X5),
    case(numpy_tanh, X5, second=True, single=True),
    case(numpy_arcsinh, X5),
    case(numpy_arccosh, P5 + 1.0),
    case(numpy_arctanh, U5, second=True),
    case(numpy_exp, X5, second=True),
    case(numpy_exp2, X5),
    case(numpy_expm1, X5),
    case(numpy_log, P5, second=True),
    case(numpy_log2, P5),
    case(numpy_log10, P5),
    case(numpy_log1p, P5),
    case(numpy_sqrt, P5, second=True),
    case(numpy_cbrt, P5),
    case(numpy_square, X5, second=True),
    case(numpy_reciprocal, P5, second=True),
    case(numpy_negative, X5),
    case(numpy_positive, X5),
    case(numpy_abs, X5),
    case(numpy_absolute, X5),
    case(numpy_fabs, X5),
    case(numpy_deg2rad, X5),
    case(numpy_rad2deg, X5),
    case(numpy_degrees, X5),
    case(numpy_radians, X5),
    case(numpy_sinc, X5),
    case(numpy_add, X5, P5, argnum=(0, 1)),
    case(numpy_subtract, X5, P5, argnum=(0, 1)),
    case(numpy_multiply, X5, P5, argnum=(0, 1)),
    case(numpy_divide, X5, P5, argnum=(0, 1)),
    case(numpy_true_divide, X5, P5, argnum=(0, 1)),
    case(numpy_power, P5, X5, argnum=(0, 1)),
    case(numpy_arctan2, X5, P5, argnum=(0, 1)),
    case(numpy_hypot, X5, P5, argnum=(0, 1)),
    case(numpy_maximum, X5, P5 - 1.0, argnum=(0, 1)),
    case(numpy_minimum, X5, P5 - 1.0, argnum=(0, 1)),
    case(numpy_fmax, X5, P5 - 1.0, argnum=(0, 1)),
    case(numpy_fmin, X5, P5 - 1.0, argnum=(0, 1)),
    case(numpy_logaddexp, X5, P5, argnum=(0, 1)),
    case(numpy_logaddexp2, X5, P5, argnum=(0, 1)),
    case(numpy_copysign, P5, X5, argnum=(0, 1)),
    case(numpy_mod, P5, X5, argnum=(0, 1)),
    case(numpy_remainder, P5, X5, argnum=(0, 1)),
    case(numpy_fmod, P5, X5, argnum=(0, 1)),
    case(numpy_floor_divide, P5, X5, argnum=(0, 1)),
    case(math_of_elements, X5, second=True),
    case(numpy_of_scalars, X5, second=True),
    case(composed_elementwise, X5),
    case(out_argument, X5),
]
