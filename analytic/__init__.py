"""Closed forms, one topic a file; pure JAX, nothing of the other packages."""
