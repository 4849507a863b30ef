"""Layers on the GPU."""
