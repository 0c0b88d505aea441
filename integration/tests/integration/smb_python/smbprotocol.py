"""Works with files by smbprotocol's high-level client: signed and encrypted, streams of directories, opens that exclude others."""

import sys

import smbclient
from smbprotocol.exceptions import SMBOSError

host, port, user, password = sys.argv[1:]
DATA = bytes(range(256)) * 5000


def path(name):
    return "\\\\" + host + "\\projects\\" + name


for encrypts in (False, True):
    cache = {}
    about = {"username": user, "password": password, "port": int(port), "connection_cache": cache}
    smbclient.register_session(host, encrypt=encrypts, **about)
    smbclient.makedirs(path("a\\b"), exist_ok=True, **about)
    with smbclient.open_file(path("a\\b\\file"), mode="wb", **about) as file:
        file.write(DATA)
    with smbclient.open_file(path("a\\b\\FILE"), mode="rb", share_access="r", **about) as file:
        assert file.read() == DATA
        try:
            smbclient.open_file(path("a\\b\\file"), mode="ab", **about)
        except SMBOSError as error:
            print("refused", hex(error.ntstatus))
    status = smbclient.stat(path("a\\b\\file"), **about)
    smbclient.utime(path("a\\b\\file"), times=(1_700_000_000, 1_700_000_001), **about)
    print("size", status.st_size, "modified", int(smbclient.stat(path("a\\b\\file"), **about).st_mtime))
    smbclient.rename(path("a\\b\\file"), path("a\\moved"), **about)
    smbclient.copyfile(path("a\\moved"), path("a\\copy"), **about)
    print(sorted(smbclient.listdir(path("a"), **about)), [found.name for found in smbclient.scandir(path("a\\b"), **about)])
    with smbclient.open_file(path("a\\copy"), mode="rb", **about) as file:
        assert file.read() == DATA
    for name in ("a\\moved", "a\\copy"):
        smbclient.remove(path(name), **about)
    smbclient.rmdir(path("a\\b"), **about)
    smbclient.rmdir(path("a"), **about)
    smbclient.reset_connection_cache(connection_cache=cache)
