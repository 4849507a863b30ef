"""Layers against PyTorch on the CPU, float32, all cores: all of ``kernels_*.py`` in one run.

Measured are whole public calls, including the packing of weights, against the faster of PyTorch's NCHW and
channels_last.  Rows of convolutions state the fraction of the rate of a large matrix product, the others the
fraction of the bandwidth of a copy.  ``python benchmarks/kernels.py conv`` runs only the named parts: conv,
normalisation, losses.
"""

import os
import sys

import kernels_conv
import kernels_losses
import kernels_normalisation
import torch
from timing import Ratios, heading, keep_memory


def convolutions(ratios):
    """Convolutions."""
    kernels_conv.run(ratios)
    kernels_conv.batch_of_one(ratios)


def normalisations(ratios):
    """Normalisation, pooling, dropout, dense layers."""
    peak = kernels_normalisation.copying()
    print(f"copying: {peak / 1e9:.1f} GB/s")
    for family in (
        kernels_normalisation.batch_norm, kernels_normalisation.pooling, kernels_normalisation.others,
    ):  # fmt: skip
        family(ratios, peak)


def losses(ratios):
    """Losses and activations."""
    for family in kernels_losses.FAMILIES:
        family(ratios)


PARTS = {"conv": convolutions, "normalisation": normalisations, "losses": losses}


def main():
    """Run the named parts, or all."""
    heading("Layers: numgd vs PyTorch; all cores, float32", "torch")
    torch.set_num_threads(os.cpu_count())
    keep_memory()
    ratios = Ratios()
    for name in sys.argv[1:] or PARTS:
        PARTS[name](ratios)
    ratios.show()


if __name__ == "__main__":
    main()
