"""Derivatives of linear algebra."""

import numpy as np

from numgd.autodiff import helpers
from numgd.autodiff.program import Kind, promoted
from numgd.autodiff.rules.base import FUNCTIONS, ArrayRule, define, rule


@rule(np.dot, methods=("dot",))
class Dot(ArrayRule):
    operands = 2
    linear_in = (0, 1)
    pattern = "np.dot({0}, {1})"

    def kind(self, kinds, options):
        a, b = kinds
        if not (a.ndim in (1, 2) and b.ndim in (1, 2)):
            raise TypeError("a product of arrays of these dimensions")
        return Kind(promoted(a.dtype, b.dtype), a.ndim + b.ndim - 2)

    def adjoint(self, em, op):
        a, b = op.args
        g = em.bar(op.result, full=True)
        if op.result.kind.dtype == "f4":
            g = f"helpers.single({g})"
        ranks = (a.kind.ndim, b.kind.ndim)
        if a.active:
            y = em.val(b)
            em.add(a, {
                (1, 1): f"{g} * {y}",
                (2, 1): f"np.outer({g}, {y})",
                (1, 2): f"np.dot({y}, {g})",
                (2, 2): f"np.dot({g}, {y}.T)",
            }[ranks])  # fmt: skip
        if b.active:
            x = em.val(a)
            em.add(b, {
                (1, 1): f"{g} * {x}",
                (2, 1): f"np.dot({g}, {x})",
                (1, 2): f"np.outer({x}, {g})",
                (2, 2): f"np.dot({x}.T, {g})",
            }[ranks])  # fmt: skip


DOT = FUNCTIONS[np.matmul] = FUNCTIONS[np.vdot] = Dot


@rule(np.outer)
class Outer(ArrayRule):
    operands = 2
    linear_in = (0, 1)
    pattern = "np.outer({0}, {1})"

    def kind(self, kinds, options):
        if any(kind.ndim != 1 for kind in kinds):
            raise TypeError("np.outer of what is no vector")
        return Kind(promoted(*(kind.dtype for kind in kinds)), 2)

    def adjoint(self, em, op):
        a, b = op.args
        g = em.bar(op.result, full=True)
        if a.active:
            em.add(a, f"np.dot({g}, {em.val(b)})")
        if b.active:
            em.add(b, f"np.dot({em.val(a)}, {g})")


@rule(np.trace)
class Trace(ArrayRule):
    linear = True

    pattern = "np.trace({0})"

    def kind(self, kinds, options):
        return Kind(kinds[0].dtype)

    def adjoint(self, em, op):
        (a,) = op.args
        x = em.like(a)
        em.add(a, f"{em.bar(op.result)} * np.eye({x}.shape[0], {x}.shape[1])")


def real(dtype):
    return "f4" if dtype == "f4" else "f8"


@rule()
class Norm(ArrayRule):
    pattern = "np.linalg.norm({0})"

    def kind(self, kinds, options):
        return Kind(real(kinds[0].dtype))

    def adjoint(self, em, op):
        (a,) = op.args
        em.add(a, f"helpers.products({em.bar(op.result)} / {em.val(op.result)}, {em.val(a)})")  # 0 at 0

    def tangent(self, em, op):
        (a,) = op.args
        return f"helpers.over(np.sum({em.val(a)} * {em.dot(a)}), {em.val(op.result)})"


NORM = Norm


class Eigh(ArrayRule):
    """``np.linalg.eigh`` as one array: the eigenvalues, and below them an eigenvector in each row.

    LAPACK reads only the lower triangle, which therefore gets the whole derivative.  Where two eigenvalues
    coincide the eigenvectors have none; an entry of the adjoint that does not depend on them stays exact.
    """

    pattern = "helpers.eigh({0})"

    def kind(self, kinds, options):
        if kinds[0].ndim != 2:
            raise TypeError("the eigenvalues of what is no matrix")
        return Kind(real(kinds[0].dtype), 2)

    def coupled(self, em, op, text):
        """A matrix in the basis of the eigenvectors, divided by the differences of the eigenvalues."""
        y = em.val(op.result)
        part = em.name(text)
        gaps = f"{y}[0][np.newaxis, :] - {y}[0][:, np.newaxis]"
        return self.kept(f"helpers.ratios({part} - np.diag(np.diag({part})), {gaps})", op)

    def kept(self, text, op):
        """An array in the dtype of the result."""
        return f"helpers.single({text})" if op.result.kind.dtype == "f4" else text

    def adjoint(self, em, op):  # M. Giles, Numerical Analysis Report 08/01, Oxford (2008), section 3.1
        g, y = self.kept(em.bar(op.result, full=True), op), em.val(op.result)
        inner = self.coupled(em, op, f"np.dot({y}[1:], {g}[1:].T)")
        whole = em.name(f"np.dot({y}[1:].T, np.dot(np.diag({g}[0]) + {inner}, {y}[1:]))")
        em.add(op.args[0], f"np.tril({whole}) + np.tril({whole}.T) - np.diag(np.diag({whole}))")

    def tangent(self, em, op):
        y, low = em.val(op.result), em.name(f"np.tril({em.dot(op.args[0])})")
        whole = em.name(f"np.dot({y}[1:], np.dot({low} + {low}.T - np.diag(np.diag({low})), {y}[1:].T))")
        turned = f"np.dot({self.coupled(em, op, whole)}.T, {y}[1:])"
        return f"np.concatenate((np.diag({whole})[np.newaxis, :], {turned}))"


EIGH = define(Eigh("eigh"), helpers.eigh)


class LinearSystem(ArrayRule):
    """The solution y of A y = b, with the pattern `matrix` of A in the first operand."""

    shaped_like = 1
    operands = 2
    matrix = "{0}"

    def tangent(self, em, op):
        a, b = op.args
        terms = [em.dot(b)] if b.active else []
        if a.active:
            terms.append(f"-np.dot({self.matrix.format(em.dot(a))}, {em.val(op.result)})")
        return self.text([em.val(a), " + ".join(terms)], op)


@rule(np.linalg.solve)
class Solve(LinearSystem):
    pattern = "np.linalg.solve({0}, {1})"

    def kind(self, kinds, options):
        return Kind(real(promoted(*(kind.dtype for kind in kinds))), kinds[1].ndim)

    def layout(self, kinds, options):
        return "F" if kinds[1].ndim > 1 else "C"

    def adjoint(self, em, op):
        a, b = op.args
        g, y = em.bar(op.result, full=True), em.val(op.result)
        back = em.name(f"np.linalg.solve({em.val(a)}.T, {g})")
        if b.active:
            em.add(b, back)
        if a.active:
            em.add(a, f"-np.outer({back}, {y})" if b.kind.ndim == 1 else f"-np.dot({back}, {y}.T)")


@rule(np.linalg.inv)
class Inv(ArrayRule):
    shaped_like = 0
    pattern = "np.linalg.inv({0})"

    def layout(self, kinds, options):
        return "F"

    def adjoint(self, em, op):
        g, y = em.bar(op.result, full=True), em.val(op.result)
        em.add(op.args[0], f"-np.dot({y}.T, np.dot({g}, {y}.T))")

    def tangent(self, em, op):
        y = em.val(op.result)
        return f"-np.dot({y}, np.dot({em.dot(op.args[0])}, {y}))"


@rule(np.linalg.det)
class Det(ArrayRule):
    pattern = "np.linalg.det({0})"

    def kind(self, kinds, options):
        return Kind(real(kinds[0].dtype))

    def adjoint(self, em, op):
        (a,) = op.args
        em.add(a, f"{em.bar(op.result)} * helpers.cofactors({em.val(a)})")

    def tangent(self, em, op):
        (a,) = op.args
        return f"np.sum(helpers.cofactors({em.val(a)}) * {em.dot(a)})"


class Cofactors(ArrayRule):
    """The derivative of a determinant; its own is symmetric, so adjoint and tangent are the same."""

    shaped_like = 0
    pattern = "helpers.cofactors({0})"

    def adjoint(self, em, op):
        em.add(op.args[0], f"helpers.cofactors_tangent({em.val(op.args[0])}, {em.bar(op.result, full=True)})")

    def tangent(self, em, op):
        return f"helpers.cofactors_tangent({em.val(op.args[0])}, {em.dot(op.args[0])})"


define(Cofactors("cofactors"), helpers.cofactors)


class Slogdet(ArrayRule):
    """One part of ``np.linalg.slogdet``: the sign (0) or the logarithm (1)."""

    def kind(self, kinds, options):
        return Kind(real(kinds[0].dtype))

    def text(self, args, op):
        return f"np.linalg.slogdet({args[0]})[{op.options['part']}]"

    def adjoint(self, em, op):
        if op.options["part"] == 1:
            em.add(op.args[0], f"{em.bar(op.result)} * np.linalg.inv({em.val(op.args[0])}).T")

    def tangent(self, em, op):
        a = op.args[0]
        if op.options["part"] == 0:
            return "0.0"
        return f"np.trace(np.linalg.solve({em.val(a)}, {em.dot(a)}))"


SLOGDET = Slogdet("slogdet")


@rule(np.linalg.cholesky)
class Cholesky(ArrayRule):
    """LAPACK reads only the lower triangle, which therefore gets the whole derivative."""

    shaped_like = 0

    pattern = "np.linalg.cholesky({0})"

    def adjoint(self, em, op):  # I. Murray, arXiv:1602.07527, eq. 10
        g, y = em.bar(op.result, full=True), em.val(op.result)
        product = em.name(f"np.dot({y}.T, {g})")
        inner = em.name(f"np.tril({product}) - 0.5 * np.diag(np.diag({product}))")
        half = em.name(f"helpers.solve_transposed({y}, {inner})")
        whole = em.name(f"helpers.solve_transposed({y}, {half}.T)")
        em.add(op.args[0], f"np.tril({whole}) + np.tril({whole}.T) - np.diag(np.diag({whole}))")

    def tangent(self, em, op):  # eq. 8
        y, d = em.val(op.result), em.dot(op.args[0])
        low = em.name(f"np.tril({d})")
        whole = em.name(f"{low} + {low}.T - np.diag(np.diag({low}))")
        half = em.name(f"np.linalg.solve({y}, {whole})")
        inner = em.name(f"np.linalg.solve({y}, {half}.T)")
        return f"np.dot({y}, np.tril({inner}) - 0.5 * np.diag(np.diag({inner})))"
