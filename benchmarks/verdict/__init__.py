"""Error rates and power of the verdict, measured; `python -m benchmarks.verdict`."""
