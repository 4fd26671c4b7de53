"""Runs a program on a terminal of its own: terminal.py PROGRAM [ARGUMENT]...

Standard input is JSON, {"echo": ..., "dialogue": [[prompt, answer], ...]}: when the program has printed a prompt, its answer
is typed, with Enter; without echo, when the terminal has stopped showing what is typed, as a person waits before typing. A
third string is a shell command that is run before the answer is typed: what happens while somebody thinks.
Everything that the terminal showed, echo included, goes to standard output; the exit code is the program's, or 124 where
the program neither prints nor ends for a minute.
"""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time


def wait_for_silence(terminal):
    deadline = time.monotonic() + 5
    while termios.tcgetattr(terminal)[3] & termios.ECHO and time.monotonic() < deadline:
        time.sleep(0.01)


def main():
    task = json.load(sys.stdin)
    dialogue = task["dialogue"]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.argv[1], sys.argv[1:])
    shown, looked = b"", 0
    while True:
        if not select.select([terminal], [], [], 60)[0]:
            shown += b"\nterminal.py: nothing happens; waiting for " + repr(dialogue[:1]).encode()
            os.kill(child, signal.SIGKILL)
            sys.stdout.buffer.write(shown)
            sys.exit(124)
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # Linux answers EIO when the program has gone.
            piece = b""
        if not piece:
            break
        shown += piece
        while dialogue and dialogue[0][0].encode() in shown[looked:]:
            prompt, answer, *meanwhile = dialogue.pop(0)
            for command in meanwhile:
                subprocess.run(command, shell=True, check=True)
            looked = shown.index(prompt.encode(), looked) + len(prompt)
            if not task["echo"]:
                wait_for_silence(terminal)
            os.write(terminal, answer.encode() + b"\n")
    sys.stdout.buffer.write(shown)
    sys.stdout.flush()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


main()
