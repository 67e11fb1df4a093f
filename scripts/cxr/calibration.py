"""How far probabilities can be taken at their word, and temperature scaling.

Measures as in the TRIPOD statement and Van Calster et al. (BMC Medicine 2019), beside Brier score
and expected calibration error in `cxr.metrics`.
"""

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from cxr.metrics import Estimate, mean, undefined

CLOSEST = 1e-7  # to 0 and 1 that a probability is taken to be, about float32's precision
TEMPERATURES = (0.1, 10.0)


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Log odds of float (n,), 0 to 1; those of 0 and 1 are finite."""
    return logit(np.clip(probabilities, CLOSEST, 1 - CLOSEST))


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
    """Mean negative log-likelihood, in nats.

    Args:
        labels: int (n,), 0 or 1.
        probabilities: float (n,), 0 to 1.
    """
    return mean(_log_losses(labels, log_odds(probabilities)))


def intercept(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
    """Calibration in the large: what is to be added to all log odds; 0 is best.

    Above 0, effusions are more frequent than the probabilities say. NaN where all images are of
    one class. Arguments as for `log_loss`.
    """
    if len(np.unique(labels)) < 2:
        return undefined(labels)
    return _regress(labels, np.ones((1, len(labels))), log_odds(probabilities))


def slope(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
    """Calibration slope (Cox, Biometrika 1958): what all log odds are to be multiplied by.

    That of a logistic regression of the labels on the log odds. 1 is best; below 1, probabilities
    are too extreme. NaN where the regression has no single solution: where all images are of one
    class or have one probability, or where a threshold separates the classes. Arguments as for
    `log_loss`.
    """
    odds = log_odds(probabilities)
    effusions, normals = odds[labels == 1], odds[labels == 0]
    if not (len(effusions) and len(normals)):
        return undefined(labels)
    if effusions.min() >= normals.max() or normals.min() >= effusions.max():
        return undefined(labels)
    return _regress(labels, np.stack([odds, np.ones(len(odds))]), np.zeros(len(odds)))


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Temperature with the least log loss (Guo et al., ICML 2017, section 4.2).

    Args:
        labels: int (n,), 0 or 1, of validation images.
        probabilities: float (n,), 0 to 1.

    Returns:
        From 0.1 to 10, one of the two where the images separate by their probability or the
        network is no better than chance; 1 where no temperature changes anything.
    """
    odds = log_odds(probabilities)
    if not odds.any():
        return 1.0
    best = minimize_scalar(
        lambda log: _log_losses(labels, odds * np.exp(-log)).mean(),
        bounds=np.log(TEMPERATURES),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(best.x))


def temper(probabilities: np.ndarray, temperature: float | np.ndarray) -> np.ndarray:
    """Probabilities float (n,) at a temperature, one for all or (n,): above 1 they are softened."""
    return expit(log_odds(probabilities) / temperature)


def measures(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Estimate]:
    """Log loss, calibration slope and calibration intercept; arguments as for `log_loss`."""
    return {
        "log_loss": log_loss(labels, probabilities),
        "calibration_slope": slope(labels, probabilities),
        "calibration_intercept": intercept(labels, probabilities),
    }


def _regress(labels: np.ndarray, features: np.ndarray, offset: np.ndarray) -> Estimate:
    """First coefficient of a logistic regression on features float (k, n) beside an offset (n,)."""

    def excess(weights: np.ndarray) -> np.ndarray:
        return expit(weights @ features + offset) - labels

    def curvature(weights: np.ndarray) -> np.ndarray:
        chance = expit(weights @ features + offset)
        return features * (chance * (1 - chance)) @ features.T

    fit = minimize(
        lambda weights: _log_losses(labels, weights @ features + offset).sum(),
        np.zeros(len(features)),
        jac=lambda weights: features @ excess(weights),
        hess=curvature,
        method="trust-exact",
    )
    influence = -np.linalg.pinv(curvature(fit.x))[0] @ (features * excess(fit.x))
    return Estimate(float(fit.x[0]), influence, (np.ones(len(labels), bool),))


def _log_losses(labels: np.ndarray, odds: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, np.where(labels == 1, -odds, odds))
