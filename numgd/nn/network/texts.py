"""Text that may lie beside the arrays in a file of weights."""

RECIPE = "model"
"""Name of what `numgd.nn.models.save` writes, and what loading weights alone ignores."""
