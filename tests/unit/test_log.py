import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.errors import UserError
from cxr.log import job_log, say

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(folder, body, log=None):
    """Run `body` in a job of its own; return the finished process and its log."""
    script = folder / "script.py"
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    script.write_text(
        "import ctypes, os, sys\nfrom cxr.errors import UserError\nfrom cxr.log import *\n"
        f"with job_log({str(log or folder / 'logs' / 'job.log')!r}):\n{lines}\n"
        "print('after, out')\nprint('after, err', file=sys.stderr)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS), "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run([sys.executable, script], capture_output=True, env=environment)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done, "" if log else (folder / "logs" / "job.log").read_text(encoding="utf-8")


def test_everything_printed_lands_in_the_log_and_what_is_said_on_the_terminal_too(tmp_path):
    done, log = run(tmp_path, "print('quiet')\nsay('loud')\nprint('error', file=sys.stderr)")
    assert log == "quiet\nloud\nerror\n"
    assert done.stdout == "after, out\n"
    assert done.stderr == "loud\nafter, err\n"
    assert done.returncode == 0


def test_native_code_and_child_processes_write_to_the_log(tmp_path):
    body = (
        "os.write(1, b'to 1\\n')\n"
        "os.write(2, b'to 2\\n')\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.puts(b'from C')\n"
        "libc.fflush(None)\n"
        "os.system('echo from a child')"
    )
    done, log = run(tmp_path, body)
    assert log == "to 1\nto 2\nfrom C\nfrom a child\n"
    assert (done.stdout, done.stderr) == ("after, out\n", "after, err\n")


def test_a_full_disk_leaves_one_message_and_no_traceback(tmp_path):
    done, log = run(tmp_path, "open('/dev/full', 'w').write('x' * 10**6)")
    assert done.returncode == 1
    assert "what this job writes cannot be read or written: No space left on device." in done.stderr
    assert "Traceback" not in log + done.stderr


@pytest.mark.parametrize("body", ["say('loud')", "print('x' * 10**6)", "raise ValueError('odd')"])
def test_a_log_that_does_not_fit_on_the_disk(tmp_path, body):
    done, _ = run(tmp_path, f"say('begin')\n{body}\nsay('end')", log="/dev/full")
    expected = {"say": "loud", "pri": "No space left on device", "rai": "ValueError: odd"}[body[:3]]
    assert done.stderr.startswith("begin\n")
    assert expected in done.stderr
    assert done.returncode == (body[:3] != "say")


def test_a_log_that_cannot_be_opened(tmp_path):
    (tmp_path / "file").touch()
    done, _ = run(tmp_path, "say('never')", log=tmp_path / "file" / "job.log")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path / 'file'} cannot be read or written: ")
    assert "never" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_users_mistake_leaves_its_message_and_no_traceback(tmp_path):
    done, log = run(tmp_path, "print('before')\nraise UserError('x.csv: no column id.')")
    assert done.returncode == 1
    assert log.split("\n", 1)[0] == "before"
    assert log.strip().endswith("x.csv: no column id.")
    assert "x.csv: no column id." in done.stderr
    assert "Traceback" not in log + done.stderr
    assert "after" not in done.stdout


def test_any_other_error_leaves_a_traceback_after_what_was_printed(tmp_path):
    done, log = run(tmp_path, "print('before')\nraise KeyError('column')")
    assert done.returncode == 1
    assert log.startswith("before\nTraceback (most recent call last):\n")
    assert "script.py" in log
    assert "KeyError: 'column'" in log
    assert "KeyError: 'column'" in done.stderr
    assert "Traceback" not in done.stderr
    assert "job.log" in done.stderr


def test_names_that_no_encoding_can_print_do_not_end_a_job(tmp_path):
    body = (
        "name = b'x-\\xff.png'.decode(errors='surrogateescape')\nsay(name)\nraise UserError(name)"
    )
    done, log = run(tmp_path, body)
    assert done.returncode == 1
    assert log.count("x-\\udcff.png") == 2
    assert done.stderr.count("x-\\udcff.png") == 2
    assert "Traceback" not in log


def test_an_exit_status_passes(tmp_path):
    done, _ = run(tmp_path, "sys.exit(7)")
    assert done.returncode == 7
    assert "Traceback" not in done.stderr


def test_a_second_job_begins_a_new_log(tmp_path):
    run(tmp_path, "say('first, which is longer')")
    _, log = run(tmp_path, "say('second')")
    assert log == "second\n"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("error", [None, UserError("x"), ValueError("x"), KeyboardInterrupt()])
def test_descriptors_are_given_back(tmp_path, capfd, error):
    def state():
        return [os.fstat(number).st_ino for number in (1, 2)], len(
            [*Path("/proc/self/fd").iterdir()]
        )

    before = state()
    try:
        with job_log(tmp_path / "job.log"):
            assert state()[0] != before[0]
            if error:
                raise error
    except (SystemExit, KeyboardInterrupt) as end:
        assert error, end
    assert state() == before
    capfd.readouterr()
    say("without a job")
    assert capfd.readouterr() == ("without a job\n", "")


def test_a_job_waits_for_the_same_job_of_an_earlier_run(tmp_path):
    """As after Snakemake was killed and its job was not."""
    log, done = tmp_path / "job.log", tmp_path / "done"
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom cxr.log import job_log, say\n"
        "log, done, first = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == 'first'\n"
        "with job_log(log):\n"
        "    say('at work')\n"
        "    while first and not done.exists():\n        time.sleep(0.01)\n"
        "    print(sys.argv[3])\n"
    )
    command = [sys.executable, "-c", script, str(log), str(done)]
    options = {"env": os.environ | {"PYTHONPATH": str(SCRIPTS)}, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, "first"], **options) as first:
        assert first.stderr.readline() == b"at work\n"
        with subprocess.Popen([*command, "second"], **options) as second:
            waiting = f"{log}: a job of an earlier run still writes this; waiting\n"
            assert second.stderr.readline() == waiting.encode()
            done.touch()
            assert (first.wait(), second.wait()) == (0, 0)
    assert log.read_text() == "at work\nsecond\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_silences_nobody(tmp_path):
    done, _ = run(tmp_path, "os.dup2(os.open('/dev/full', os.O_WRONLY), 1)\nraise UserError('x')")
    assert done.returncode == 1
    assert done.stderr.strip() == "x"
