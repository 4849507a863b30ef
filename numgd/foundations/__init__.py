"""Basics shared by all numerical packages: vector spaces, status codes, option ranges, random numbers."""
