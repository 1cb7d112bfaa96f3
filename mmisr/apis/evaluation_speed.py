"""What ``tools/analysis/evaluation_speed.py`` calls."""

from mmisr.analysis.evaluation_speed import EvaluationSpeed, evaluation_speed

__all__ = ["EvaluationSpeed", "evaluation_speed"]
