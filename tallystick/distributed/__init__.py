"""Claims and draws spread over processes and hosts: `tallystick check --distributed`.

Process 0 hands out the claims and gathers the reports over plain TCP connections. The
processes share no device arrays, so `jax.distributed` has no work to do here; and its
runtime ends all processes when one is lost (measured: abort after 11 s), whereas a
check is to go on without it.
"""
