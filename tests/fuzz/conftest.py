"""Say how many inputs were tried."""

from budget import SEED, tried


def pytest_terminal_summary(terminalreporter):
    for name, count in sorted(tried.items()):
        terminalreporter.write_line(f"{name}: {count:,} inputs")
    if tried:
        terminalreporter.write_line(f"{tried.total():,} inputs in all, from the seed {SEED}")
