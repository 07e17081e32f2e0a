"""Concat: plain joint training of one fused head, the baseline of Table 1."""

from olmlib.methods.base import Method


class Scheme(Method):
    """Cross-entropy of the fused head and nothing else."""
