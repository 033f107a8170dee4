"""The catalogue: which closed form and which experiment belong together, and how."""
