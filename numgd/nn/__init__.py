"""Neural networks: what their layers compute (`numgd.nn.functional`)."""
