"""Fixtures of the tests on a cluster."""

from collections.abc import Iterator

import pytest

from needs import need
from slurmcluster import Cluster, missing_tools, running_cluster


@pytest.fixture(scope="session")
def slurm() -> Iterator[Cluster]:
    """A running Slurm. Where it is not installed, CI fails and other runs skip."""
    need("Slurm", missing_tools(), "slurmctld slurmd slurm-client munge")
    with running_cluster() as cluster:
        yield cluster
