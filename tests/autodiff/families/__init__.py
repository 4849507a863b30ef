"""The functions of `autodiff.functions`, one module for each kind of construct."""
