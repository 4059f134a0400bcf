#!/bin/sh
# All that only a GPU can show, as one table, in less than nine minutes and without a network: sh tests/gpu/run.sh
# Needs what envs/torch.yaml and the tests need; PYTHON names the interpreter. On a CPU what can run runs, in tiny sizes.
set -e
cd "$(dirname "$0")/../.."
exec "${PYTHON:-python}" tests/gpu/measure.py "$@"
