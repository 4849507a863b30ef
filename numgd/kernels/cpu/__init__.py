"""Drivers for the CPU."""
