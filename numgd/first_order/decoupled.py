"""Decay of the parameters themselves instead of a penalty in the gradient: θ ← (1 − η λ) θ before the step.

I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
"""

from numgd.jit.portable import portable


def with_weight_decay(coefficients, update):
    """A rule's functions `coefficients` and `update` with decay added; the option ``weight_decay`` is λ."""

    @portable
    def with_decay(real, options, t, running):
        """The fraction η λ that a parameter loses, and the coefficients of the rule."""
        lost = options.learning_rate * options.weight_decay
        return (lost,) + coefficients(real, options, t, running)

    @portable
    def decayed(p, g, slots, c):
        """One parameter."""
        return update(p - c[0] * p, g, slots, c[1:])  # 1 − η λ would round η λ to the digits of 1

    return with_decay, decayed
