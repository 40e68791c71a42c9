"""Models that learn to take noise away."""
