"""Training of networks: `fit`, and what goes with it."""

from numgd.nn.training._fit import fit
from numgd.nn.training.augmentation import Flip, Normalise, RandomCrop, Shift
from numgd.nn.training.history import TrainingHistory
from numgd.nn.training.inference import evaluate, predict, predict_labels, predict_proba
from numgd.nn.training.metrics import TopK
from numgd.nn.training.network import Trainable

__all__ = [
    "Flip",
    "Normalise",
    "RandomCrop",
    "Shift",
    "TopK",
    "Trainable",
    "TrainingHistory",
    "evaluate",
    "fit",
    "predict",
    "predict_labels",
    "predict_proba",
]
