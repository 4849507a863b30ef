"""Update rules on the GPU."""
