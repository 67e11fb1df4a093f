"""A real Slurm for tests, two nodes on this machine, each with a pretended GPU.

Any user may start it; no service, nothing under /etc.
"""

import contextlib
import getpass
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

TOOLS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
NODES = ("one", "two")
COLUMNS = ("Name", "Comment", "State", "NumCPUs", "MinMemory", "TimeLimit", "tres-per-job")
COLUMNS += ("NodeList", "StartTime", "EndTime", "WorkDir")
PATH = os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin"))

# No cgroups: memory limits are kept by Slurm's own accounting, which looks once a second.
# No slurmdbd: finished jobs stay in squeue's list for MinJobAge seconds.
# CR_LLN: each job goes to the node with least to do.
CONFIGURATION = """\
ClusterName=pleura
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/slurmctld
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory,CR_LLN
GresTypes=gpu
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=3600
KillWait=2
NodeName=DEFAULT CPUs=2 RealMemory=9000 Gres=gpu:1
NodeName=one NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]}
NodeName=two NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]}
PartitionName=main Nodes=one,two Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class Job:
    """A job as Slurm knows it; `rule` and `wildcards` are what Snakemake told Slurm of it."""

    run: str
    rule: str
    wildcards: str
    state: str
    cpus: int
    mem_mb: int
    minutes: int
    gpus: int
    node: str
    start: str
    end: str


@dataclass(frozen=True)
class Cluster:
    """A running Slurm: `env` is what a program needs in its environment to use it."""

    env: dict[str, str]

    def run(self, *command: str) -> str:
        """Run one of Slurm's client programs and return what it prints."""
        return subprocess.run(
            command, env=os.environ | self.env, check=True, capture_output=True, text=True
        ).stdout

    def jobs(self, folder: Path) -> list[Job]:
        """Every job that was ever submitted from a folder, finished ones included, by number."""
        form = ",".join(f"{column}:|" for column in COLUMNS)
        options = ("--noheader", "--noconvert", "--states=all", "--sort=i", f"--Format={form}")
        lines = self.run("squeue", *options).splitlines()
        rows = [dict(zip(COLUMNS, line.split("|"), strict=False)) for line in lines]
        return [_job(row) for row in rows if row["WorkDir"] == str(folder)]


def _job(row: dict[str, str]) -> Job:
    """Read one line of squeue, by its columns."""
    rule, _, wildcards = row["Comment"].removeprefix("rule_").partition("_wildcards_")
    days, _, clock = row["TimeLimit"].rpartition("-")
    hours, minutes, _ = ["0", *clock.split(":")][-3:]
    gpus = re.search(r"gpu:(\d+)", row["tres-per-job"])
    return Job(
        run=row["Name"],
        rule=rule,
        wildcards=wildcards,
        state=row["State"],
        cpus=int(row["NumCPUs"]),
        mem_mb=int(row["MinMemory"].removesuffix("M")),
        minutes=(int(days or 0) * 24 + int(hours)) * 60 + int(minutes),
        gpus=int(gpus[1]) if gpus else 0,
        node=row["NodeList"],
        start=row["StartTime"],
        end=row["EndTime"],
    )


def missing_tools() -> list[str]:
    """The programs of Slurm and munge that this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Two nodes of 2 CPUs and 9 GB each, ended with all their jobs on leaving the context."""
    with contextlib.ExitStack() as stack:
        # munge wants a folder that every user can enter, which pytest's own are not
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-")))
        yield _start(folder, stack)


def _start(folder: Path, stack: contextlib.ExitStack) -> Cluster:
    """Start munge, Slurm's controller and its nodes; `stack` ends them in reverse order."""
    folder.chmod(0o755)
    for name in ("munge", "slurmctld", *NODES, "bin"):
        (folder / name).mkdir(mode=0o755)
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            folder=folder,
            ports=_free_ports(3),
        )
    )
    gpus = [f"NodeName={node} Name=gpu File=/dev/null\n" for node in NODES]
    (folder / "gres.conf").write_text("".join(gpus))
    cluster = Cluster({"SLURM_CONF": str(configuration), "PATH": f"{folder / 'bin'}:{PATH}"})
    _srun_that_finds(configuration, folder / "bin" / "srun")

    key = folder / "munge" / "key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    socket_file = folder / "munge" / "socket"
    _daemon(
        stack,
        folder / "munged.log",
        "munged",
        "--foreground",
        f"--key-file={key}",
        f"--socket={socket_file}",
        f"--seed-file={folder / 'munge' / 'seed'}",
        f"--pid-file={folder / 'munge' / 'pid'}",
    )
    _wait_until(socket_file.exists, "munge", folder)
    _daemon(stack, folder / "slurmctld.log", "slurmctld", "-D", "-i", "-f", str(configuration))
    _wait_until(lambda: "UP" in cluster.run("scontrol", "ping"), "slurmctld", folder)
    for node in NODES:
        command = ("slurmd", "-D", "-N", node, "-f", str(configuration))
        _daemon(stack, folder / f"{node}.log", *command)
    idle = ["idle"] * len(NODES)
    _wait_until(lambda: cluster.run("sinfo", "-hNo", "%t").split() == idle, "slurmd", folder)
    stack.callback(_cancel_all, cluster)
    return cluster


def _srun_that_finds(configuration: Path, path: Path) -> None:
    """Write an srun that finds the configuration: the executor plugin unsets SLURM_* before it."""
    srun = shutil.which("srun", path=PATH)
    path.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {srun} "$@"\n')
    path.chmod(0o755)


def _daemon(stack: contextlib.ExitStack, log: Path, *command: str) -> None:
    program = shutil.which(command[0], path=PATH)
    with log.open("w") as output:
        process = subprocess.Popen(
            [program, *command[1:]], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    stack.callback(_stop, process)


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _cancel_all(cluster: Cluster) -> None:
    cluster.run("scancel", "--user", getpass.getuser())
    with contextlib.suppress(TimeoutError):
        _wait_until(lambda: not cluster.run("squeue", "--noheader").strip(), "the jobs' end")


def _wait_until(
    ready: Callable[[], bool], what: str, logs: Path | None = None, seconds: float = 30
) -> None:
    """Wait until `ready()`; a program that fails meanwhile counts as not ready.

    Raises TimeoutError, with the daemons' logs from the folder `logs`, after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(subprocess.CalledProcessError):
            if ready():
                return
        time.sleep(0.1)
    told = [f"{log.name}:\n{log.read_text()}" for log in sorted(logs.glob("*.log"))] if logs else []
    raise TimeoutError("\n".join([f"{what} is not ready after {seconds:.0f} s", *told]))


def _free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nothing listens on just now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
