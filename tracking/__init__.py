"""Particle tracking in microscopy movies. Knows nothing of ``medseg``."""
