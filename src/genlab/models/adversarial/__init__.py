"""Adversarial models: a generator learns from what a critic can tell apart."""
