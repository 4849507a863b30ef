"""What layers of networks compute, on the host."""
