"""Both profiles are whole by themselves: --workflow-profile replaces the default one."""

from argparse import Namespace
from pathlib import Path

import pytest
import yaml
from snakemake.cli import get_argument_parser

from workspace import ROOT

PROFILES = sorted(path.name for path in (ROOT / "profiles").iterdir() if path.is_dir())


def read(profile: str) -> dict:
    return yaml.safe_load((ROOT / "profiles" / profile / "config.yaml").read_text())


def parse(*arguments: str) -> Namespace:
    return get_argument_parser().parse_args(arguments)


def test_there_are_profiles_for_workstations_slurm_and_other_schedulers() -> None:
    assert PROFILES == ["default", "generic", "slurm"]


@pytest.mark.parametrize("profile", PROFILES)
def test_profile_recovers_from_interruptions_and_shows_errors(profile: str) -> None:
    options = read(profile)
    assert options["rerun-incomplete"] is True
    assert options["show-failed-logs"] is True


@pytest.mark.parametrize("profile", PROFILES)
def test_profile_has_only_options_that_snakemake_knows(profile: str) -> None:
    known = {
        option.removeprefix("--")
        for action in get_argument_parser()._actions
        for option in action.option_strings
    }
    assert set(read(profile)) <= known


def test_slurm_jobs_have_room_for_their_wrapper() -> None:
    """Snakemake itself takes about 135 MB within each job."""
    assert read("slurm")["default-resources"]["mem_mb"] >= 300


def test_slurm_profile_names_nothing_of_one_site() -> None:
    site = {"slurm_account", "slurm_partition", "qos", "constraint", "clusters"}
    assert not site & set(read("slurm")["default-resources"])


def test_retries_are_in_no_rule() -> None:
    """On Slurm, a rule's retries stay within the allocation that failed (the profile's do not)."""
    rules = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    assert [path.name for path in rules if "retries:" in Path(path).read_text()] == []
