"""Comparisons: models side by side on the same data, their results as typed rows, and the verdicts that these allow."""
