"""Errors of the closed forms in units of the last place, and gradients at corners."""
