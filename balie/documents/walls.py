"""The walls around a program that opens files of strangers; raised by the program itself before it reads a byte.

No network (own network namespace), no files (no new descriptors, no written byte), another user where we are root,
512 MiB memory, 20 s CPU, and a list of allowed system calls (seccomp) on x86-64 and arm64. What a machine does not
allow is left out; the start-up log says which walls stand.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct

MEMORY = 512 * 1024 * 1024
CPU_S = 20
_NOBODY = 65534
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38
_SECCOMP_FILTER = 2
_RET_ALLOW, _RET_EPERM = 0x7FFF0000, 0x00050001

# What reading a pipe, computing and writing a pipe need; everything else is answered with EPERM.
_X86_64 = (
    0xC000003E,
    (
        0,
        1,
        3,
        5,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
        14,
        15,
        16,
        19,
        20,
        24,
        25,
        28,
        35,
        39,
        60,
        63,
        72,
        96,
        97,
        98,
        99,
        102,
        104,
        107,
        108,
        131,
        186,
        202,
        204,
        218,
        219,
        228,
        229,
        230,
        231,
        234,
        271,
        273,
        302,
        318,
        334,
    ),
)
_AARCH64 = (
    0xC00000B7,
    (
        25,
        29,
        57,
        62,
        63,
        64,
        65,
        66,
        73,
        80,
        93,
        94,
        96,
        98,
        99,
        101,
        113,
        114,
        115,
        123,
        124,
        131,
        132,
        134,
        135,
        139,
        160,
        163,
        165,
        169,
        172,
        173,
        174,
        175,
        176,
        177,
        178,
        179,
        214,
        215,
        216,
        222,
        226,
        233,
        261,
        278,
        293,
    ),
)
_CALLS = {"x86_64": _X86_64, "aarch64": _AARCH64}


def raise_outer() -> list[str]:
    """Before the libraries are loaded: memory, time, network. Names of the walls that stand."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    walls = ["memory", "cpu", "no_written_files"]
    libc = ctypes.CDLL(None, use_errno=True)
    is_root = os.geteuid() == 0
    alone = _CLONE_NEWNET | _CLONE_NEWIPC | (0 if is_root else _CLONE_NEWUSER)
    if libc.unshare(alone) == 0:
        walls.append("no_network")
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        walls.append("no_new_privileges")
    return walls


def raise_inner() -> list[str]:
    """After the libraries are loaded: another user, no file can be opened, no system call beyond the list."""
    walls = ["own_user"] if os.geteuid() == 0 and _become_nobody() else []
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    return [*walls, "no_files", *(["system_calls"] if _filter_calls() else [])]


def _become_nobody() -> bool:
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError:
        return False
    return True


def _filter_calls() -> bool:
    known = _CALLS.get(platform.machine())
    if known is None:
        return False
    code = _program(*known)
    buffer = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    program = Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(program), 0, 0) == 0)


def _program(architecture: int, calls: tuple[int, ...]) -> bytes:
    """Classic BPF: another architecture or a call beyond the list gets EPERM."""
    load, equal, answer = 0x20, 0x15, 0x06
    lines = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, _RET_EPERM), (load, 0, 0, 0)]
    lines += [(equal, len(calls) - place, 0, number) for place, number in enumerate(calls)]
    lines += [(answer, 0, 0, _RET_EPERM), (answer, 0, 0, _RET_ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
