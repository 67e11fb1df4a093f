"""The lock, what is made from it, and what the code imports say the same."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workspace import ROOT

LOCKS = ("requirements", "requirements-dev")


def pinned(lock: str) -> list[Requirement]:
    """The requirements in a lock file, without their hashes."""
    text = (ROOT / f"{lock}.txt").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return [Requirement(line.partition("--hash")[0]) for line in lines]


def entries(lock: str) -> list[str]:
    """The text of each package in a lock file: its pin, its hashes and who asks for it."""
    return re.split(r"^(?=\w)", (ROOT / f"{lock}.txt").read_text(), flags=re.MULTILINE)[1:]


def wanted(source: str) -> list[Requirement]:
    """The direct requirements in an .in file."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / f"{source}.in").open()]
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def imported(*folders: str) -> set[str]:
    """The top-level packages that the Python files under these folders import."""
    found = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.partition(".")[0])
    return found


OURS = ("scripts", "tests", "benchmarks", "docs")


def unrequired(modules: set[str], required: set[str]) -> set[str]:
    """Those of `modules` that are neither Python's, nor ours, nor in a required distribution."""
    ours = {path.stem for folder in OURS for path in (ROOT / folder).rglob("*")}
    brought = packages_distributions()
    return {
        module
        for module in modules - sys.stdlib_module_names - ours
        if not required & {canonicalize_name(name) for name in brought.get(module, [module])}
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_every_package_once_with_hashes(lock: str) -> None:
    requirements = pinned(lock)
    assert len(names(requirements)) == len(requirements) > 10
    assert all(re.fullmatch(r"==[\w.]+", str(each.specifier)) for each in requirements)
    assert len(entries(lock)) == len(requirements)
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries(lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_index_but_the_usual(lock: str) -> None:
    text = (ROOT / f"{lock}.txt").read_text()
    assert not re.search(r"--(extra-)?index|--find-links|file:|https?:|@ ", text)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_is_up_to_date_with_what_is_wanted(lock: str) -> None:
    asked = {entry.partition("==")[0] for entry in entries(lock) if f"-r {lock}.in" in entry}
    assert asked == names(wanted(lock))


def test_locks_agree() -> None:
    run = {each.name: str(each) for each in pinned("requirements")}
    develop = {each.name: str(each) for each in pinned("requirements-dev")}
    shared = run.keys() & develop.keys()
    assert {name: run[name] for name in shared} == {name: develop[name] for name in shared}


def test_conda_environment_equals_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert re.fullmatch(r"python=3\.1[123]", python)
    assert pip == "pip"
    conda = [str(Requirement(each)) for each in packages["pip"]]
    assert conda == [str(each) for each in pinned("requirements")]


def test_what_is_imported_is_required_directly() -> None:
    run = names(wanted("requirements"))
    develop = run | names(wanted("requirements-dev"))
    assert unrequired(imported("scripts", "benchmarks", "docs"), run) == {"torch"}  # backend: torch
    assert unrequired(imported("tests"), develop) == {"atheris"}  # tests/fuzz/README.md: optional
