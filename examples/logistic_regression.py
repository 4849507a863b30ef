"""Logistic regression on scikit-learn's breast-cancer data: a loss, its gradient and one call.

Run it with ``python examples/logistic_regression.py`` (needs scikit-learn for the data).
"""

import numpy as np
from sklearn.datasets import load_breast_cancer

import numgd


def loss(weights, features, labels, strength):
    """Mean of log(1 + exp(−label · score)), plus a penalty of the weights."""
    margins = labels * (features @ weights)
    return np.mean(np.logaddexp(0.0, -margins)) + 0.5 * strength * np.sum(weights**2)


def gradient(weights, features, labels, strength):
    """Its derivative by the weights."""
    margins = labels * (features @ weights)
    slopes = -labels * np.exp(-np.logaddexp(0.0, margins))
    return slopes @ features / len(labels) + strength * weights


features, target = load_breast_cancer(return_X_y=True)
features = (features - features.mean(axis=0)) / features.std(axis=0)
features = np.column_stack((features, np.ones(len(features))))  # the last weight is the intercept
labels = np.where(target == 1, 1.0, -1.0)

for method in ("BFGS", "L-BFGS", "CG"):
    result = numgd.minimize(
        loss, np.zeros(features.shape[1]), (features, labels, 1e-3), method, jac=gradient, tol=1e-6
    )
    accuracy = np.mean(np.sign(features @ result.x) == labels)
    print(
        f"{method:7} loss {result.fun:.6f}, {result.nit} iterations, {result.nfev} evaluations, "
        f"accuracy on these samples {accuracy:.1%}"
    )
