"""The command line, ``numgd`` or ``python -m numgd``."""
