"""Runs a program with every system call denied that makes or uses a socket: deny_sockets.py PROGRAM [ARGUMENT]...

The kernel kills the process at the first such call (seccomp, SECCOMP_RET_KILL_PROCESS), so the program cannot hide that it
tried: it ends by SIGSYS. The filter is inherited by whatever the program starts.
"""

import ctypes
import os
import platform
import struct
import sys

# The numbers of socket, socketpair, connect, accept, accept4, bind, listen, sendto, recvfrom, sendmsg, recvmsg, sendmmsg,
# recvmmsg, shutdown, getsockname, getpeername, setsockopt, getsockopt, and io_uring_setup, which can do all of them.
AUDIT_ARCH, CALLS = {
    "x86_64": (0xC000003E, [41, 53, 42, 43, 288, 49, 50, 44, 45, 46, 47, 307, 299, 48, 51, 52, 54, 55, 425]),
    "aarch64": (0xC00000B7, [198, 199, 203, 202, 242, 200, 201, 206, 207, 211, 212, 269, 243, 210, 204, 205, 208, 209, 425]),
}[platform.machine()]

LOAD, EQUAL, GREATER_OR_EQUAL, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, KILL = 0x7FFF0000, 0x80000000
X32 = 0x40000000  # x86_64's second set of numbers
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


def program():
    """The filter: another architecture, an x32 number or a listed call kills; everything else passes."""
    count = len(CALLS)
    lines = [(LOAD, 0, 0, 4), (EQUAL, 0, count + 3, AUDIT_ARCH), (LOAD, 0, 0, 0), (GREATER_OR_EQUAL, count + 1, 0, X32)]
    lines += [(EQUAL, count - index, 0, call) for index, call in enumerate(CALLS)]
    lines += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, KILL)]
    return b"".join(struct.pack("HBBI", *line) for line in lines), len(lines)


def main():
    code, count = program()
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", count, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    address = ctypes.addressof(header)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, address, 0, 0):
        sys.exit(f"seccomp is refused: {os.strerror(ctypes.get_errno())}")
    os.execv(sys.argv[1], sys.argv[1:])


main()
