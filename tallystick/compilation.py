"""Compiled programs kept on disk: a later run loads them instead of compiling again."""

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

__all__ = ["SWITCH", "keep_programs"]

SWITCH = "TALLYSTICK_CACHE"
"""Environment variable: a folder, or `off`."""
LARGEST = 2**29
"""Bytes of the folder at the start of a run; of more, the oldest half goes."""


def keep_programs(
    environment: Mapping[str, str] = os.environ, part: str = ""
) -> Path | None:
    """Have JAX keep compiled programs in a folder of the user's caches.

    For programs, not libraries: it changes the configuration of JAX. A folder that the
    user gave to JAX stays as it is.

    Args:
        environment: Where the switch `TALLYSTICK_CACHE` is looked for: a folder instead
            of the default, or `off`.
        part: Name of a folder inside, for processes that run side by side: one could
            else read what another one is still writing.

    Returns:
        The folder; None if programs are not kept, or where the user has told JAX to.
    """
    import jax

    given = environment.get(SWITCH, "")
    if given == "off" or getattr(jax.config, "jax_compilation_cache_dir", None):
        return None
    # JAX's own key holds its version and the machine's features.
    folder = Path(given) if given else platformdirs.user_cache_path("tallystick")
    folder = folder / part
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # JAX's own limit locks the folder and reads all of it for every program.
        _prune(folder)
    except OSError:
        return None  # A home that cannot be written costs seconds, not the run.
    if not os.access(folder, os.W_OK):
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder


def _prune(folder: Path) -> None:
    """Delete the oldest files if all together are too large."""
    found = sorted(
        (file.stat().st_mtime, file.stat().st_size, file)
        for file in folder.iterdir()
        if file.is_file()
    )
    total = sum(size for _, size, _ in found)
    if total <= LARGEST:
        return
    for _, size, file in found:
        if total <= LARGEST // 2:
            return
        file.unlink(missing_ok=True)
        total -= size
