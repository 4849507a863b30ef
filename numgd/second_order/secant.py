"""The inverse Hessian from differences of gradients: the model that the methods of the Broyden family share.

H₊ = H + a s sᵀ + b (s (Hy)ᵀ + Hy sᵀ) + c Hy (Hy)ᵀ with H₊ y = s is t times the BFGS formula plus 1 − t times
the DFP formula: R. Fletcher, "A new approach to variable metric algorithms", Computer J. 13 (1970) 317-322.
"""

import numpy as np

from numgd.foundations.linalg import epsilon, multiply, set_identity
from numgd.jit.portable import portable
from numgd.second_order.descent import SCRATCH_ROWS, Model


@portable
def rows(n, maxcor):
    """Rows of scratch memory: the loop's, H g, H y, and the matrix H."""
    return SCRATCH_ROWS + 2 + n


@portable
def symmetric_update(A, a, x, b, y, c):
    """A = A + a x xᵀ + b (x yᵀ + y xᵀ) + c y yᵀ."""
    for i in range(A.shape[0]):
        with_x = a * x[i] + b * y[i]
        with_y = b * x[i] + c * y[i]
        for j in range(A.shape[1]):
            A[i, j] += with_x * x[j] + with_y * y[j]


def make_model(space, weight):
    """The model is the n×n matrix H ≈ (∇²f)⁻¹, updated in n² operations.

    `weight(real, options, ys, yhy, sbs)` returns t from yᵀs, yᵀH y and sᵀH⁻¹s: 1 is BFGS, 0 is DFP.

    Each iteration takes one product with H: H y is the difference of H g at the new and the last gradient,
    and the rank-two update of H changes H g by multiples of s and H y.
    """
    dot, copy, scale, axpy, combine = space.dot, space.copy, space.scale, space.axpy, space.combine

    @portable
    def remember(alpha, s, y, g, memory, age, options):
        real = g.dtype.type
        one = real(1)
        hg, hy, H = memory[0], memory[1], memory[2:]
        if age == 0:
            copy(hy, y)
            copy(hg, g)
        else:
            copy(hy, hg)
            multiply(hg, H, g)
            combine(hy, -one, one, hg)
        ys = dot(y, s)
        if not ys > epsilon(y) * dot(y, y) * epsilon(y):
            return age
        if age == 0:
            set_identity(H, one)
        yhy = dot(y, hy)
        sg = dot(s, g)
        t = weight(real, options, ys, yhy, alpha * (ys - sg))  # H⁻¹s = −α times the last gradient
        a, b, c = (one + t * yhy / ys) / ys, -t / ys, (t - one) / yhy
        symmetric_update(H, a, s, b, hy, c)
        hyg = dot(hy, g)
        axpy(hg, a * sg + b * hyg, s)
        axpy(hg, b * sg + c * hyg, hy)
        return age + 1

    @portable
    def direct(problem, x, p, g, memory, age, options):
        hg = memory[0]
        if age > 0 and hg[0] != hg[0]:  # H was given by the user
            multiply(hg, memory[2:], g)
        copy(p, g if age == 0 else hg)
        scale(p, -g.dtype.type(1))

    return Model(remember, direct)


def result_fields(x, work, age, maxcor):
    """The inverse Hessian for the result."""
    return {"hess_inv": work[SCRATCH_ROWS + 2 :].copy() if age else np.eye(x.size, dtype=x.dtype)}


def take_hess_inv(matrix, work, maxcor):
    """Start from an inverse Hessian; returns the age that marks the model as given."""
    work[SCRATCH_ROWS] = np.nan
    work[SCRATCH_ROWS + 2 :] = matrix.todense() if hasattr(matrix, "todense") else matrix
    return 1
