#!/usr/bin/env python3
"""What byte-range locks must do between two machines that mount one share.

usage: lockstep.py a|b MOUNT MEETING SCENARIO...

Both machines run the same scenarios in step: `meet` waits until the other has come as far, by files in the folder
MEETING, which both see and which is not on the share.
"""

import errno
import fcntl
import os
import signal
import struct
import sys
import time

WHO, MOUNT, MEETING = sys.argv[1:4]
OTHER = "b" if WHO == "a" else "a"
PATIENCE_SECONDS = 90
# A client that is not called back asks again after 30 seconds.
CALLBACK_SECONDS = 15
steps = 0


def announce(name):
    file = os.open(f"{MEETING}/{name}", os.O_CREAT | os.O_WRONLY)
    os.write(file, b"here\n")
    os.fsync(file)
    os.close(file)


def await_sign(name):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not os.path.exists(f"{MEETING}/{name}"):
        if time.monotonic() > deadline:
            sys.exit(f"{WHO}: nobody came to {name}")
        time.sleep(0.05)


def meet():
    global steps
    steps += 1
    announce(f"step-{steps}-{WHO}")
    await_sign(f"step-{steps}-{OTHER}")


def check(holds, what):
    if not holds:
        sys.exit(f"{WHO}: step {steps}: {what}")


class File:
    def __init__(self, name):
        self.file = os.open(f"{MOUNT}/{name}", os.O_CREAT | os.O_RDWR, 0o666)

    def set(self, kind, start, length, wait=False):
        flags = fcntl.F_SETLKW if wait else fcntl.F_SETLK
        fcntl.fcntl(self.file, flags, struct.pack("hhqqi4x", kind, os.SEEK_SET, start, length, 0))

    def try_lock(self, kind, start, length):
        try:
            self.set(kind, start, length)
            return True
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise

    def unlock(self, start=0, length=0):
        self.set(fcntl.F_UNLCK, start, length)

    def in_the_way(self, kind, start, length):
        asked = struct.pack("hhqqi4x", kind, os.SEEK_SET, start, length, 0)
        kind, _, start, length, _ = struct.unpack("hhqqi4x", fcntl.fcntl(self.file, fcntl.F_GETLK, asked))
        return None if kind == fcntl.F_UNLCK else (kind, start, length)


SHARED, EXCLUSIVE = fcntl.F_RDLCK, fcntl.F_WRLCK


def conflicting_and_disjoint():
    file = File("ranges")
    if WHO == "a":
        file.set(EXCLUSIVE, 0, 100)
    meet()
    if WHO == "b":
        check(not file.try_lock(EXCLUSIVE, 50, 10), "a range within another's lock is granted")
        check(not file.try_lock(SHARED, 99, 10), "the last byte of another's lock is granted")
        check(file.in_the_way(EXCLUSIVE, 50, 10) == (EXCLUSIVE, 0, 100), "F_GETLK does not tell of the lock")
        check(file.try_lock(EXCLUSIVE, 100, 0), "bytes behind the lock are refused")
    meet()
    if WHO == "a":
        check(file.in_the_way(SHARED, 1 << 40, 1) == (EXCLUSIVE, 100, 0), "a lock to the end of all files is not seen")
        check(not file.try_lock(SHARED, 0, 101), "a range that touches another's lock is granted")
        file.unlock(40, 20)
    meet()
    if WHO == "b":
        check(file.try_lock(EXCLUSIVE, 40, 20), "the middle that was given back is refused")
        check(not file.try_lock(SHARED, 39, 1) and not file.try_lock(SHARED, 60, 1), "more was given back than asked")
        file.unlock()
    meet()
    if WHO == "a":
        check(file.try_lock(EXCLUSIVE, 0, 0), "the whole file is refused after the other gave all back")
        file.unlock()
    meet()


def upgraded_and_downgraded():
    file = File("upgrade")
    check(file.try_lock(SHARED, 0, 10), "two shared locks do not get along")
    meet()
    if WHO == "a":
        check(not file.try_lock(EXCLUSIVE, 0, 10), "an upgrade is granted while another reads")
        check(file.in_the_way(EXCLUSIVE, 0, 10) == (SHARED, 0, 10), "who reads is not told")
    meet()
    if WHO == "b":
        check(not file.try_lock(EXCLUSIVE, 0, 10), "a refused upgrade lost the other's shared lock")
        file.unlock()
    meet()
    if WHO == "a":
        check(file.try_lock(EXCLUSIVE, 0, 10), "an upgrade is refused when nobody else reads")
    meet()
    if WHO == "b":
        check(not file.try_lock(SHARED, 9, 1), "the upgrade was not real")
    meet()
    if WHO == "a":
        file.set(SHARED, 0, 5)
    meet()
    if WHO == "b":
        check(file.try_lock(SHARED, 0, 5), "the downgrade was not real")
        check(not file.try_lock(SHARED, 5, 5), "more was downgraded than asked")
    meet()
    file.unlock()
    meet()


def blocking():
    file = File("blocking")
    if WHO == "a":
        file.set(EXCLUSIVE, 0, 10)
    meet()
    if WHO == "a":
        time.sleep(3)
        file.unlock()
        released = time.time()
        meet()
        announce(f"released-{released}")
    else:
        began = time.monotonic()
        file.set(EXCLUSIVE, 5, 1, wait=True)
        waited = time.monotonic() - began
        meet()
        check(waited > 1, f"a lock that another held was granted after {waited:.1f} s")
        check(waited < CALLBACK_SECONDS, f"granted after {waited:.1f} s: nobody called back")
        file.unlock()
    meet()


def cancelled():
    file = File("cancelled")
    if WHO == "a":
        file.set(EXCLUSIVE, 0, 10)
    meet()
    if WHO == "b":
        signal.signal(signal.SIGALRM, interrupt)
        signal.alarm(3)
        try:
            file.set(EXCLUSIVE, 0, 10, wait=True)
            check(False, "granted while another holds it")
        except InterruptedError:
            pass
    meet()
    if WHO == "a":
        file.unlock()
        # A waiter that was forgotten would have it now.
        time.sleep(1)
        check(file.in_the_way(EXCLUSIVE, 0, 0) is None, "a request that was taken back was granted")
        check(file.try_lock(EXCLUSIVE, 0, 10), "not free after the other gave up")
        file.unlock()
    meet()


def interrupt(*_):
    raise InterruptedError


def handed_over():
    """A counter in a file, raised by both under the lock, loses no step."""
    file = File("counter")
    for _ in range(HANDOVERS):
        file.set(EXCLUSIVE, 0, 0, wait=True)
        count = int(os.pread(file.file, 20, 0) or b"0")
        os.pwrite(file.file, b"%d" % (count + 1), 0)
        file.unlock()
    meet()
    file.set(SHARED, 0, 0, wait=True)
    count = int(os.pread(file.file, 20, 0))
    check(count == 2 * HANDOVERS, f"the counter says {count}")
    file.unlock()
    meet()


HANDOVERS = 50


def killed_process():
    file = File("killed")
    if WHO == "a":
        child = os.fork()
        if child == 0:
            File("killed").set(EXCLUSIVE, 0, 0)
            announce("child-holds")
            signal.pause()
        await_sign("child-holds")
    meet()
    if WHO == "b":
        check(not file.try_lock(SHARED, 0, 1), "not refused while the process lives")
    meet()
    if WHO == "a":
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    meet()
    if WHO == "b":
        check(file.try_lock(EXCLUSIVE, 0, 0), "a process that was killed keeps its lock")
        file.unlock()
    meet()


def flocked():
    file = os.open(f"{MOUNT}/flocked", os.O_CREAT | os.O_RDWR, 0o666)
    if WHO == "a":
        fcntl.flock(file, fcntl.LOCK_EX)
    meet()
    if WHO == "b":
        check(not try_flock(file, fcntl.LOCK_SH), "flock does not exclude the other machine")
    meet()
    if WHO == "a":
        fcntl.flock(file, fcntl.LOCK_UN)
    meet()
    check(try_flock(file, fcntl.LOCK_SH), "two shared flocks do not get along")
    meet()
    fcntl.flock(file, fcntl.LOCK_UN)
    meet()


def try_flock(file, kind):
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def server_restarted():
    """`a` holds a lock over the server's death; the test outside kills and starts it between two signs."""
    file = File("restarted")
    if WHO == "a":
        file.set(EXCLUSIVE, 0, 10)
        file.set(SHARED, 20, 10)
        os.pwrite(file.file, b"before", 0)
        os.fsync(file.file)
    meet()
    announce(f"restart-please-{WHO}")
    await_sign("restarted")
    if WHO == "b":
        # The kernel repeats this until the grace period is over.
        began = time.monotonic()
        check(not file.try_lock(EXCLUSIVE, 0, 10), "the holder's lock was lost in the restart")
        announce(f"refused-after-{time.monotonic() - began:.1f}-seconds")
        check(not file.try_lock(EXCLUSIVE, 20, 1), "the holder's shared lock was lost in the restart")
        check(file.try_lock(SHARED, 20, 10), "the shared lock came back as an exclusive one")
        check(file.try_lock(EXCLUSIVE, 10, 10), "more came back than was held")
        file.unlock()
    meet()
    if WHO == "a":
        os.pwrite(file.file, b"after ", 0)
        file.unlock()
    meet()
    if WHO == "b":
        check(file.try_lock(EXCLUSIVE, 0, 0), "the reclaimed lock was not given back")
        check(os.pread(file.file, 6, 0) == b"after ", "the holder's data is not seen under the lock")
        file.unlock()
    meet()


for scenario in sys.argv[4:]:
    print(f"{WHO}: {scenario}", flush=True)
    globals()[scenario]()
