"""The catalogue: calls that together need all machine code of numgd, to compile it ahead and to ship it."""
