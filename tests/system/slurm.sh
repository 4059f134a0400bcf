#!/usr/bin/env bash
# A real Slurm of two nodes on this machine, for tests: no systemd, no cgroups, loopback only, all its files in FOLDER.
#   slurm.sh install            Debian's packages, where they are missing (as root)
#   slurm.sh up FOLDER [PORT]   starts what does not run, waits until both nodes are idle; ports PORT (26817) to PORT + 2;
#                               its clients are in FOLDER/bin (jobs lose SLURM_CONF on their way, but not PATH)
#   slurm.sh stop FOLDER        ends what was started, by the pids noted in FOLDER
set -euo pipefail
PATH=$(tr : '\n' <<<"$PATH" | while read -r bin; do [ -e "$bin/../slurm.conf" ] || printf %s: "$bin"; done)/usr/sbin:/sbin # of no other FOLDER

running() { # PIDFILE: its process runs, and is no zombie
  local pid; pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && grep -q '^State:[[:space:]]*[^ZX]' "/proc/$pid/status" 2>/dev/null
}

within() { # SECONDS COMMAND...: until the command succeeds
  local tries=$(($1 * 5)); shift
  until "$@" >/dev/null 2>&1; do tries=$((tries - 1)); [ $tries -gt 0 ] || return 1; sleep 0.2; done
}

install() {
  local wanted=(slurmctld slurmd slurm-client munge)
  dpkg-query -W "${wanted[@]}" >/dev/null 2>&1 && return
  export DEBIAN_FRONTEND=noninteractive
  local policy=/usr/sbin/policy-rc.d # packages start no daemons of their own
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; trap 'rm -f /usr/sbin/policy-rc.d' EXIT; }
  apt-get install -y -q --no-install-recommends "${wanted[@]}" || { apt-get update -q; apt-get install -y -q --no-install-recommends "${wanted[@]}"; }
}

configure() {
  mkdir -p "$FOLDER"/{bin,state,n1,n2,munge}
  chmod 700 "$FOLDER/munge"
  touch "$FOLDER"/gpu{0,1}
  [ -s "$FOLDER/munge/key" ] || (umask 277; head -c 1024 /dev/urandom >"$FOLDER/munge/key")
  echo "NodeName=n[1-2] Name=gpu File=$FOLDER/gpu[0-1]" >"$FOLDER/gres.conf"
  local user; user=$(id -un)
  cat >"$FOLDER/slurm.conf" <<CONF
ClusterName=wellread
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$PORT
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$FOLDER/munge/socket,cred_expire=5
CommunicationParameters=NoInAddrAny
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
ReturnToService=2
MinJobAge=600
KillWait=3
SlurmctldTimeout=5
SlurmdTimeout=20
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=2,sched_min_interval=0
SlurmdParameters=config_overrides
StateSaveLocation=$FOLDER/state
SlurmdSpoolDir=$FOLDER/%n
SlurmctldPidFile=$FOLDER/slurmctld.pid
SlurmdPidFile=$FOLDER/%n.pid
SlurmctldLogFile=$FOLDER/slurmctld.log
SlurmdLogFile=$FOLDER/%n.log
NodeName=n1 NodeAddr=127.0.0.1 Port=$((PORT + 1)) CPUs=8 RealMemory=16000 Gres=gpu:2
NodeName=n2 NodeAddr=127.0.0.1 Port=$((PORT + 2)) CPUs=8 RealMemory=16000 Gres=gpu:2
PartitionName=cpu Nodes=n1,n2 Default=YES State=UP
PartitionName=gpu Nodes=n1,n2 State=UP
CONF
  local client
  for client in sbatch srun squeue scancel scontrol sinfo; do
    printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$FOLDER/slurm.conf" "$(command -v $client)" >"$FOLDER/bin/$client"
    chmod +x "$FOLDER/bin/$client"
  done
}

start_munge() {
  running "$FOLDER/munge/pid" && return
  rm -f "$FOLDER"/munge/{socket*,pid}
  local where=(--socket="$FOLDER/munge/socket" --key-file="$FOLDER/munge/key" --pid-file="$FOLDER/munge/pid")
  munged "${where[@]}" --log-file="$FOLDER/munge/log" --seed-file="$FOLDER/munge/seed" --force 2>/dev/null
}

all_idle() { [ "$(sinfo -h -N -p cpu -o %T | grep -Ec '^(idle|mixed|allocated)$')" = 2 ]; }

up() {
  [ -e "$FOLDER/slurm.conf" ] || configure
  export SLURM_CONF=$FOLDER/slurm.conf
  start_munge
  running "$FOLDER/slurmctld.pid" || slurmctld
  within 20 sh -c 'scontrol ping | grep -q "is UP"' || { tail "$FOLDER/slurmctld.log" >&2; return 1; }
  for node in n1 n2; do running "$FOLDER/$node.pid" || slurmd -N $node; done
  within 15 all_idle || { scontrol update NodeName=n1,n2 State=RESUME || true; }
  within 30 all_idle || { sinfo -R >&2; tail "$FOLDER"/n?.log >&2; return 1; }
}

stop() {
  local pidfiles=("$FOLDER"/{n1,n2,slurmctld}.pid "$FOLDER/munge/pid") pidfile
  for signal in TERM KILL; do
    for pidfile in "${pidfiles[@]}"; do running "$pidfile" && kill -$signal "$(cat "$pidfile")"; done || true
    within 10 none_runs && return
  done
}

none_runs() { for pidfile in "${pidfiles[@]}"; do running "$pidfile" && return 1; done; return 0; }

FOLDER=${2:-} PORT=${3:-26817}
case "${1:-}:$FOLDER" in
  install:) install ;;
  up:/* | stop:/*) "$1" ;;
  *) sed -n 2,6p "$0"; exit 2 ;;
esac
