"""
Becomes another program that dies with its parent: `python child.py PARENT_PID PROGRAM ARGUMENT…`.

A script of its own rather than a `preexec_fn`, which may not run safely where threads do. Linux only
has the promise; elsewhere a parent that is killed leaves its children behind.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before the promise was made.
        if os.getppid() != parent:
            sys.exit("the parent is gone")
    os.execvp(program[0], program)


if __name__ == "__main__":
    main()
