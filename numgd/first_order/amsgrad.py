"""AMSGrad: Adam with the largest mean square so far (Reddi, Kale & Kumar, ICLR 2018, algorithm 2).

The bias corrections are those of Adam; the paper has none.
"""

from numgd.first_order import adam
from numgd.first_order.comparisons import larger
from numgd.first_order.rule import Rule
from numgd.jit.portable import portable

Options = adam.Options
coefficients = adam.coefficients


@portable
def update(p, g, slots, c):
    """One parameter: Adam's step with max v in place of v."""
    m, v = adam.moments(g, slots, c)
    largest = larger(slots[2], v)
    return p - adam.step(m, largest, c), (m, v, largest)


RULE = Rule(
    name="amsgrad",
    optimizer="AMSGrad",
    summary="Adam with the largest second moment so far.",
    formula="Adam with the largest v so far for v",
    source="Reddi, Kale & Kumar 2018",
    options=Options,
    slots=("m", "v", "largest"),
    coefficients=coefficients,
    update=update,
)
