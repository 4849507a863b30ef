"""Update rules on the host: one step over many arrays, and epochs of steps over batches."""
