"""The tables of methods, update rules and least-squares methods, and how users add to them."""

from numgd import first_order, second_order, sums_of_squares
from numgd.first_order.rule import Rule
from numgd.foundations.records import Method, Record
from numgd.sums_of_squares.fit_method import FitMethod

RULES = first_order.RULES
"""Update rules by name."""

METHODS: dict[str, Method] = {
    **second_order.METHODS,
    **{name: rule.method for name, rule in RULES.items()},
}
"""Minimisation methods by name; update rules are methods too."""

FIT_METHODS = sums_of_squares.METHODS
"""Least-squares methods by name."""

ALIASES: dict[str, str] = {}
"""Names of methods and rules by alias."""

FIT_ALIASES: dict[str, str] = {}
"""Names of least-squares methods by alias."""

for _table, _aliases in ((METHODS, ALIASES), (FIT_METHODS, FIT_ALIASES)):
    for _record in _table.values():
        _aliases.update(dict.fromkeys(_record.aliases, _record.name))


def register(record):
    """Add your own method or update rule, which then works wherever numgd's do.

    A rule becomes a method of `minimize`, from Python and inside ``@njit`` code, and of `minimize_many`, a
    rule of `minimize_stochastic`, and an optimizer, whose class is ``numgd.optimizers.of_rule(name)``.

    Parameters
    ----------
    record : Rule, Method or FitMethod
        From `numgd.first_order.rule`, `numgd.foundations.records` or `numgd.sums_of_squares.fit_method`.  Its
        machine code is cached on disk under a digest of the sources of its functions and of everything they
        refer to; if these cannot be found, as for functions typed at a prompt, every process compiles anew.

    Returns
    -------
    Rule, Method or FitMethod
        The record.

    Raises
    ------
    TypeError
        If `record` is none of these.
    ValueError
        If one of its names is already taken; nothing is changed then.

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
    tables, aliases = _tables_of(record), _aliases_of(record)
    known = {*tables[0][0], *aliases}
    taken = [name for name in (record.name, *record.aliases) if name in known]
    if isinstance(record, Rule) and record.optimizer in {rule.optimizer for rule in RULES.values()}:
        taken.append(record.optimizer)
    if taken:
        raise ValueError(f"record: the name {taken[0]!r} is taken")
    for table, entry in tables:
        table[record.name] = entry
    aliases.update(dict.fromkeys(record.aliases, record.name))
    return record


def unregister(record):
    """Remove a registered record from the tables."""
    for table, _ in _tables_of(record):
        del table[record.name]
    for name in record.aliases:
        del _aliases_of(record)[name]


def _tables_of(record: Record):
    """The tables that a record belongs to, each with its entry there."""
    if isinstance(record, Rule):
        return (METHODS, record.method), (RULES, record)
    return (((FIT_METHODS if isinstance(record, FitMethod) else METHODS), record),)


def _aliases_of(record: Record):
    return FIT_ALIASES if isinstance(record, FitMethod) else ALIASES
