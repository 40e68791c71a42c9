"""Models that give every example an energy: likely is low."""
