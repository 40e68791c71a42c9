"""Layers that are fast on a CPU: the same numbers as plain layers, computed in other ways, differentiable once.

`nets.layers` chooses between the two; nothing else imports this.
"""
