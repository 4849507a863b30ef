"""Drivers of layers on the GPU."""
