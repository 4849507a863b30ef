"""The tables of methods, update rules and least-squares methods, and how a user adds to them."""

from numgd import first_order, second_order, sums_of_squares
from numgd.first_order.rule import Rule
from numgd.foundations.records import Method, Record
from numgd.sums_of_squares.fit_method import FitMethod

RULES = first_order.RULES
"""Name to update rule."""

METHODS: dict[str, Method] = {
    **second_order.METHODS,
    **{name: rule.method for name, rule in RULES.items()},
}
"""Name to minimisation method; update rules are methods too."""

FIT_METHODS = sums_of_squares.METHODS
"""Name to least-squares method."""

ALIASES: dict[str, str] = {}
"""Other names of methods and rules."""


def _add_aliases(record):
    ALIASES.update(dict.fromkeys(record.aliases, record.name))


for _method in METHODS.values():
    _add_aliases(_method)


def register(record):
    """Add a method or an update rule of one's own; it works wherever numgd's do.

    A rule becomes a method of `minimize`, from Python, inside ``@njit`` code and in `minimize_many`, a rule
    of `minimize_stochastic`, and an optimizer: ``numgd.optimizers.of_rule(name)`` is its class.

    Parameters
    ----------
    record : Rule, Method or FitMethod
        Of `numgd.first_order.rule`, `numgd.foundations.records` or `numgd.sums_of_squares.fit_method`.  Its
        machine code is kept on disk under a digest of the sources of its functions and of all that they refer
        to; where these cannot be found, as of functions typed at a prompt, it is compiled in every process.

    Returns
    -------
    Rule, Method or FitMethod
        The record.

    Raises
    ------
    TypeError
        If `record` is none of these.
    ValueError
        If a name is taken; nothing is changed then.

    Examples
    --------
    Gradient descent by the sign of the gradient:

    >>> import numgd, numpy as np
    >>> from typing import NamedTuple
    >>> from numgd.first_order.rule import Rule
    >>> from numgd.foundations.ranges import NonNegative
    >>> from numgd.jit.portable import portable
    >>> class Options(NamedTuple):
    ...     learning_rate: NonNegative = 0.01
    >>> @portable
    ... def coefficients(real, options, t, running):
    ...     return (options.learning_rate,)
    >>> @portable
    ... def update(p, g, slots, c):
    ...     return p - c[0] if g > 0 else p + c[0], slots
    >>> rule = numgd.register(Rule(
    ...     name="sign-descent", optimizer="SignDescent", summary="Steps by the sign of the gradient.",
    ...     formula="θ ← θ − η sign(g)", source="", options=Options, slots=(), coefficients=coefficients,
    ...     update=update))
    >>> p = np.array([1.0, -1.0])
    >>> numgd.optimizers.of_rule("sign-descent")(learning_rate=0.25).step(p, p.copy())
    True
    >>> p
    array([ 0.75, -0.75])
    """
    if not isinstance(record, Rule | Method | FitMethod):
        raise TypeError(f"record must be a Rule, a Method or a FitMethod; it is {record!r}")
    tables = _tables_of(record)
    known = {*tables[0][0], *(ALIASES if not isinstance(record, FitMethod) else ())}
    taken = [name for name in (record.name, *record.aliases) if name in known]
    if isinstance(record, Rule) and record.optimizer in {rule.optimizer for rule in RULES.values()}:
        taken.append(record.optimizer)
    if taken:
        raise ValueError(f"record: the name {taken[0]!r} is taken")
    for table, entry in tables:
        table[record.name] = entry
    if not isinstance(record, FitMethod):
        _add_aliases(record)
    return record


def unregister(record):
    """Take a record that was registered out of the tables again."""
    for table, _ in _tables_of(record):
        del table[record.name]
    for name in record.aliases:
        ALIASES.pop(name, None)


def _tables_of(record: Record):
    """The tables that a record belongs to, and what stands for it there."""
    if isinstance(record, Rule):
        return (METHODS, record.method), (RULES, record)
    return (((FIT_METHODS if isinstance(record, FitMethod) else METHODS), record),)
