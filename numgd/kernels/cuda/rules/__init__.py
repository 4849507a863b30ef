"""Update rules on a device."""
