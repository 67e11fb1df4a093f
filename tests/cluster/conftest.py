"""Fixtures of the tests on a cluster."""

import os
from collections.abc import Iterator

import pytest

from onenode import Cluster, missing_tools, running_cluster


@pytest.fixture(scope="session")
def slurm() -> Iterator[Cluster]:
    """A running one-node Slurm. Where it is not installed, CI fails and other runs skip."""
    if missing := missing_tools():
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(
            f"Slurm is not installed ({', '.join(missing)} not found): "
            "apt-get install slurmctld slurmd slurm-client munge"
        )
    with running_cluster() as cluster:
        yield cluster
