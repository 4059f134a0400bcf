"""Several processes that train one model together: on this machine by torchrun, over several by Slurm's srun.

Each of them is `python -m wellread.train.launch job.json`, which calls `train` with what the file says.
"""

import json
import logging
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from wellread.networks.device import check_gpus
from wellread.runtime import slurm
from wellread.runtime.errors import InputError, Stopped
from wellread.runtime.parallel import stop_with_parent
from wellread.train.train import train

log = logging.getLogger("wellread")
MODULE = "wellread.train.launch"
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
OF_SRUN = {"RANK": "SLURM_PROCID", "LOCAL_RANK": "SLURM_LOCALID", "WORLD_SIZE": "SLURM_NTASKS"}


def train_distributed(processes: int, *files, nodes=1, **options):
    """`train` in several processes, one per GPU, or sharing the cores; `processes` on each of `nodes` machines.

    `threads`: of a machine. In a Slurm job of as many nodes each has its share of the processes; elsewhere this machine
    has all of them, as the result is the same. An InputError if there are GPUs here, but not one for each; Stopped if
    they were asked to stop and have saved their state; SystemExit if one fails.
    """
    across = nodes > 1 and slurm.nodes() == nodes
    if nodes > 1 and not across:
        log.warning("this is no Slurm job of %d nodes: all processes are on this machine", nodes)
        processes *= nodes
    if options["device"] != "cpu" and not across:
        check_gpus(processes)
    options["threads"] = max(1, options["threads"] // processes)
    job = Path(options["weights"]).with_name("job.json")
    job.write_text(json.dumps([files, options], default=list))
    command = over_nodes(nodes, processes, options["threads"]) if across else on_this_machine(processes)
    status, stopped = run([*command, str(job)])
    if stopped or (status == 0 and job.exists()):
        raise Stopped("asked to stop; the next run goes on from the last saved state")
    if status:
        raise SystemExit(f"training ended with status {status}; its log says why")


def on_this_machine(processes: int) -> list[str]:
    """The command of so many processes here."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [*command, "-m", MODULE]


def over_nodes(nodes: int, processes: int, threads: int) -> list[str]:
    """The command of `processes` on each of the nodes of this Slurm job; the first listens on a port of this machine.

    Without torchrun: the warning before the end of a job's time is for every process of a step, and would end torchrun.
    """
    with socket.socket() as free:
        free.bind(("", 0))
        where = [f"MASTER_ADDR={platform.node()}", f"MASTER_PORT={free.getsockname()[1]}"]
    tasks = [f"--nodes={nodes}", f"--ntasks={nodes * processes}", f"--ntasks-per-node={processes}"]
    srun = ["srun", "--mpi=none", *tasks, f"--cpus-per-task={threads}", "--kill-on-bad-exit=1"]
    return [*srun, "env", *where, sys.executable, "-m", MODULE]


def run(command: list[str]) -> tuple[int, bool]:
    """Run a command, with its lines in the log: its status, and whether this process was asked to stop meanwhile."""
    stop, environment = threading.Event(), os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment, text=True, preexec_fn=stop_with_parent, **PIPES) as child:

        def pass_on(*_):
            stop.set()
            child.terminate()

        signal.signal(signal.SIGTERM, pass_on)
        for line in child.stdout:
            log.info("%s", line.rstrip())
    return child.returncode, stop.is_set()


def main(job: Path):
    """One of the processes; the first deletes the job's file when the training has come to its end."""
    for name, of_srun in OF_SRUN.items():
        if of_srun in os.environ:
            os.environ.setdefault(name, os.environ[of_srun])
    first = int(os.environ.get("RANK", 0)) == 0
    level = logging.INFO if first else logging.ERROR
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stdout)
    files, options = json.loads(job.read_text())
    try:
        train(*files, **options)
    except InputError as error:
        sys.exit(f"stopped:\n{error}")
    except Stopped as stopped:
        log.info("%s", stopped)
        return
    if first:
        job.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
