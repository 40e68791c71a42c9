"""Comparisons: models side by side on the same data, what they scored as typed rows, and what may be said of them."""
