#!/bin/sh
# An environment for neural-tangents, which needs an old JAX: make_environment.sh DIR
set -eu
python3.11 -m venv "$1"
"$1/bin/pip" install --quiet "jax==0.4.30" "jaxlib==0.4.30" "numpy<2" "scipy<1.13" \
  "neural-tangents==0.6.5"
