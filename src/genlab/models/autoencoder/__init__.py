"""Models that meet the data in a code: an encoder on the way in, a decoder on the way out."""
