"""What a child that reads strangers' files gives up before it does: memory, big files, core dumps, the network."""

import ctypes
import os
import resource
import signal

CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38


def leave_network() -> bool:
    """Move into a network namespace that has no way out. False where the system allows it to nobody but root.

    Must come before any thread is started.
    """
    if os.uname().sysname != "Linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.unshare(CLONE_NEWNET) == 0 or libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0


def die_with_parent() -> None:
    """A worker killed without warning must not leave children behind that hold the memory of a model."""
    if os.uname().sysname != "Linux":
        return
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def hide() -> None:
    """Nobody but root may look into this process: a decoder of the same user that a hostile file has taken over could
    read its environment and its memory, and with them the secrets of the server."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def limit(memory: int, file_size: int) -> None:
    """Cap memory (bytes, beyond what is in use now) and the size of any file written."""
    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, file_size)
    if used := data_in_use():
        lower(resource.RLIMIT_DATA, used + memory)


def lower(which: int, most: int) -> None:
    """A tighter limit of the operator's stays: nobody but root may raise one, and root should not."""
    least = min([most, *(given for given in resource.getrlimit(which) if given != resource.RLIM_INFINITY)])
    resource.setrlimit(which, (least, least))


def data_in_use() -> int:
    """Bytes of private writable memory, what RLIMIT_DATA counts; 0 where the system does not tell."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
    except (OSError, StopIteration):
        return 0
