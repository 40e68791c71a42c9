"""Benchmarks: `python -m benchmarks.NAME [--json FILE]`, each one command, ours and the peer side by side in one run.

Times are medians of steps taken in turn within one process, so that a busy machine slows both alike.
"""
