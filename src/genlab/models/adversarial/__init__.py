"""Adversarial models: a generator learns from what a discriminator can tell apart."""
