"""The frame of every step: logs, errors, whole files, worker processes. Nothing here changes a result."""
