"""Convolution of images: one algorithm a file, and one file that chooses."""
