"""Shut a process in, on Linux: no network, no program, no process, no file but those granted.

``confine`` is called in a freshly forked process with one thread, before any of a student's code
runs. It uses

- rlimits: processor time, memory, file size, open files;
- namespaces of its own for users, network and messages between processes, where the machine allows
  them;
- no capabilities, and ``no_new_privs``;
- Landlock (Linux 5.13 or newer), which grants single folders and files;
- a seccomp filter that lets through the system calls on a list and answers EPERM to every other. A
  list of what is
  allowed, not of what is forbidden: a call that nobody thought of is refused.

Reference: the kernel's documentation, userspace-api/landlock and userspace-api/seccomp_filter.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Limits", "confine", "missing"]

# Numbers of the system calls that a student's computation needs: on x86_64, and on the machines
# (aarch64) that use the generic table. None: it does not exist there.
ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "open": (2, None),
    "close": (3, 57),
    "stat": (4, None),
    "fstat": (5, 80),
    "lstat": (6, None),
    "poll": (7, None),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "ioctl": (16, 29),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "access": (21, None),
    "pipe": (22, None),
    "select": (23, None),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "msync": (26, 227),
    "mincore": (27, 232),
    "madvise": (28, 233),
    "dup": (32, 23),
    "dup2": (33, None),
    "nanosleep": (35, 101),
    "getitimer": (36, 102),
    "alarm": (37, None),
    "setitimer": (38, 103),
    "getpid": (39, 172),
    "sendfile": (40, 71),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "exit": (60, 93),
    "uname": (63, 160),
    "fcntl": (72, 25),
    "flock": (73, 32),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "ftruncate": (77, 46),
    "getdents": (78, None),
    "getcwd": (79, 17),
    "chdir": (80, 49),
    "fchdir": (81, 50),
    "rename": (82, None),
    "mkdir": (83, None),
    "rmdir": (84, None),
    "unlink": (87, None),
    "readlink": (89, None),
    "umask": (95, 166),
    "gettimeofday": (96, 169),
    "getrlimit": (97, 163),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "times": (100, 153),
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "getppid": (110, 173),
    "getpgrp": (111, None),
    "getgroups": (115, 158),
    "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137),
    "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "mlock": (149, 228),
    "munlock": (150, 229),
    "arch_prctl": (158, None),
    "gettid": (186, 178),
    "time": (201, None),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "epoll_create": (213, None),
    "getdents64": (217, 61),
    "set_tid_address": (218, 96),
    "restart_syscall": (219, 128),
    "fadvise64": (221, 223),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "epoll_wait": (232, None),
    "epoll_ctl": (233, 21),
    "get_mempolicy": (239, 236),
    "openat": (257, 56),
    "mkdirat": (258, 34),
    "newfstatat": (262, 79),
    "unlinkat": (263, 35),
    "renameat": (264, 38),
    "readlinkat": (267, 78),
    "faccessat": (269, 48),
    "pselect6": (270, 72),
    "ppoll": (271, 73),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "epoll_pwait": (281, 22),
    "eventfd": (284, None),
    "fallocate": (285, 47),
    "eventfd2": (290, 19),
    "epoll_create1": (291, 20),
    "dup3": (292, 24),
    "pipe2": (293, 59),
    "preadv": (295, 69),
    "pwritev": (296, 70),
    "getcpu": (309, 168),
    "renameat2": (316, 276),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "copy_file_range": (326, 285),
    "statx": (332, 291),
    "rseq": (334, 293),
    "close_range": (436, 436),
    "faccessat2": (439, 439),
}
# Allowed only with certain arguments; see _filter.
CLONE, CLONE3, PRLIMIT64 = (56, 220), (435, 435), (302, 261)
ARCHITECTURES = {
    "x86_64": (0xC000003E, 0),
    "aarch64": (0xC00000B7, 1),
}  # the kernel's AUDIT_ARCH, and the column

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_SECCOMP_SET_MODE_FILTER, _SECCOMP_SYSCALL = 1, {"x86_64": 317, "aarch64": 277}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_CLONE_THREAD, _CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = (
    0x10000,
    0x10000000,
    0x40000000,
    0x08000000,
)
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_ALL_RIGHTS = {
    1: 13,
    2: 14,
    3: 15,
    4: 15,
    5: 16,
}  # version of Landlock to the number of rights on files


@dataclass(frozen=True)
class Limits:
    """What a process may use.

    Attributes
    ----------
    cpu : int
        Seconds of processor time.
    memory : int
        Bytes of address space.
    file_size : int
        Bytes of one file.
    readable, writable : tuple of str
        Folders and files; a folder with all that is in it.
    """

    cpu: int = 120
    memory: int = 4 * 2**30
    file_size: int = 16 * 2**20
    readable: tuple[str, ...] = field(default_factory=tuple)
    writable: tuple[str, ...] = field(default_factory=tuple)


def missing() -> list[str]:
    """Return sentences that say which protections this machine lacks; empty if it has all."""
    if sys.platform != "linux" or platform.machine() not in ARCHITECTURES:
        return [
            f"The sandbox needs Linux on x86_64 or aarch64; this is {sys.platform} on "
            f"{platform.machine()}."
        ]
    said = []
    if _landlock_version() < 1:
        said.append(
            "Landlock is off or too old (Linux 5.13): a student's code could read your files."
        )
    try:
        if "Seccomp:" not in Path("/proc/self/status").read_text():
            said.append(
                "The kernel has no seccomp: a student's code could open sockets and start programs."
            )
    except OSError:
        said.append("/proc cannot be read, so that nothing can be said of seccomp.")
    return said


def end_with_parent() -> None:
    """Have this process killed when the one that forked it ends, however that ends; Linux only."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def confine(limits: Limits) -> None:
    """Give up, for good, all that the limits do not grant.

    Parameters
    ----------
    limits : Limits

    Raises
    ------
    OSError
        If a protection cannot be had. The caller must then not run a stranger's code.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _namespaces(libc)
    end_with_parent()  # changed credentials undo it
    for what, most in (
        (resource.RLIMIT_CPU, limits.cpu),
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_NOFILE, 128),
        (resource.RLIMIT_MEMLOCK, 2**20),
    ):
        resource.setrlimit(what, (most, most))
    for capability in range(64):
        libc.prctl(
            _PR_CAPBSET_DROP, capability, 0, 0, 0
        )  # EINVAL beyond the last one that the kernel knows
    header, none = struct.pack("Ii", 0x20080522, 0), bytes(24)
    _call(libc, _CAPSET[platform.machine()], ctypes.c_char_p(header), ctypes.c_char_p(none))
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
    _landlock(libc, limits)
    _filter(libc)


def _call(libc: ctypes.CDLL, number: int, *arguments: Any) -> int:
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"system call {number}: {os.strerror(error)}")
    return result


def _namespaces(libc: ctypes.CDLL) -> None:
    """Move to empty namespaces if the machine allows it; Landlock and seccomp hold without them."""
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC):
        return
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        try:
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
        except OSError:
            pass  # then the process is nobody: it can read less, not more


def _landlock_version() -> int:
    return ctypes.CDLL(None, use_errno=True).syscall(
        ctypes.c_long(_LANDLOCK_CREATE), None, ctypes.c_size_t(0), 1
    )


def _landlock(libc: ctypes.CDLL, limits: Limits) -> None:
    version = _landlock_version()
    if version < 1:
        raise OSError("Landlock is not available")
    rights = (1 << _ALL_RIGHTS.get(version, 16)) - 1
    network, scoped = (
        (3 if version >= 4 else 0),
        (3 if version >= 6 else 0),
    )  # bind, connect; sockets, signals
    attributes = struct.pack("QQQ", rights, network, scoped)[
        : 8 if version < 4 else 16 if version < 6 else 24
    ]
    ruleset = _call(
        libc, _LANDLOCK_CREATE, ctypes.c_char_p(attributes), ctypes.c_size_t(len(attributes)), 0
    )
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    for paths, granted in ((limits.readable, reading), (limits.writable, rights & ~_EXECUTE)):
        for path in paths:
            try:
                descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            if not os.path.isdir(path):
                granted_here = granted & (
                    _EXECUTE | _WRITE_FILE | _READ_FILE | (1 << 14 if version >= 3 else 0)
                )
            else:
                granted_here = granted
            rule = struct.pack("=Qi", granted_here, descriptor)
            _call(libc, _LANDLOCK_ADD, ruleset, 1, ctypes.c_char_p(rule), 0)
            os.close(descriptor)
    _call(libc, _LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _filter(libc: ctypes.CDLL) -> None:
    """Install the seccomp filter, in BPF: (code, jump if true, jump if false, constant)."""
    machine = platform.machine()
    architecture, column = ARCHITECTURES[machine]
    load, equal, anyset, answer = 0x20, 0x15, 0x45, 0x06
    allow, refuse, absent = (
        0x7FFF0000,
        0x00050000 | 1,
        0x00050000 | 38,
    )  # EPERM; ENOSYS makes libc use clone
    low_argument = [16 + 8 * i for i in range(6)]  # little-endian: the low half stands first
    program = [
        (load, 0, 0, 4),
        (equal, 1, 0, architecture),
        (answer, 0, 0, refuse),
        (load, 0, 0, 0),
        (equal, 0, 1, CLONE3[column]),
        (answer, 0, 0, absent),
        (equal, 0, 4, CLONE[column]),
        (load, 0, 0, low_argument[0]),
        (anyset, 0, 1, _CLONE_THREAD),
        (answer, 0, 0, allow),
        (answer, 0, 0, refuse),  # threads, but no processes
        (equal, 0, 6, PRLIMIT64[column]),
        (load, 0, 0, low_argument[0]),
        (equal, 0, 3, 0),
        (load, 0, 0, low_argument[0] + 4),
        (equal, 0, 1, 0),
        (answer, 0, 0, allow),
        (answer, 0, 0, refuse),  # itself
    ]
    for numbers in ALLOWED.values():
        if (number := numbers[column]) is not None:
            program += [(equal, 0, 1, number), (answer, 0, 0, allow)]
    program.append((answer, 0, 0, refuse))
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    table = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer))
    _call(libc, _SECCOMP_SYSCALL[machine], _SECCOMP_SET_MODE_FILTER, 0, ctypes.c_char_p(table))
