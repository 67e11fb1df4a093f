"""How much anonymous memory a process holds."""

import psutil


def anonymous_mb(process: psutil.Process) -> float:
    """Its RssAnon, MB: what it keeps in memory, without what it maps from files."""
    memory = process.memory_info()
    return (memory.rss - memory.shared) / 1e6
