"""Lightning callbacks: evaluation of the validation set, and the history of a run."""

from mmsurv.callbacks.evaluation import Evaluation
from mmsurv.callbacks.history import History

__all__ = ["Evaluation", "History"]
