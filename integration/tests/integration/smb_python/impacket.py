"""Works with files and their descriptors by impacket, and prints what it finds."""

import io
import sys

from impacket.ldap import ldaptypes
from impacket.smb3structs import (
    DACL_SECURITY_INFORMATION,
    FILE_OPEN,
    FILE_OPEN_IF,
    READ_CONTROL,
    SMB2_0_INFO_SECURITY,
    SMB2_DIALECT_002,
    SMB2_DIALECT_21,
    SMB2_DIALECT_30,
    SMB2_DIALECT_311,
    WRITE_DAC,
)
from impacket.smbconnection import SMBConnection, SessionError

host, port, user, password = sys.argv[1:]
SHARE = "projects"
DATA = bytes(range(256)) * 5000


def connect(dialect):
    connection = SMBConnection(host, host, sess_port=int(port), preferredDialect=dialect)
    connection.login(user, password)
    return connection


for dialect in (SMB2_DIALECT_002, SMB2_DIALECT_21, SMB2_DIALECT_30, SMB2_DIALECT_311):
    connection = connect(dialect)
    connection.createDirectory(SHARE, "folder")
    connection.putFile(SHARE, "folder\\file", io.BytesIO(DATA).read)
    back = io.BytesIO()
    connection.getFile(SHARE, "folder\\FILE", back.write)
    assert back.getvalue() == DATA
    connection.rename(SHARE, "folder\\file", "folder\\renamed")
    names = sorted(found.get_longname() for found in connection.listPath(SHARE, "folder\\*"))
    print("dialect", hex(connection.getDialect()), names)
    try:
        connection.deleteDirectory(SHARE, "folder")
    except SessionError as error:
        print("full", error.getErrorString()[0])
    connection.deleteFile(SHARE, "folder\\renamed")
    connection.deleteDirectory(SHARE, "folder")
    connection.close()

connection = connect(SMB2_DIALECT_311)
connection.putFile(SHARE, "guarded", io.BytesIO(b"mine").read)
tree = connection.connectTree(SHARE)
server = connection.getSMBServer()


def descriptor():
    file = server.create(tree, "guarded", READ_CONTROL | WRITE_DAC, 7, 0, FILE_OPEN, 0)
    asked = server.queryInfo(tree, file, infoType=SMB2_0_INFO_SECURITY, fileInfoClass=0, additionalInformation=7)
    return file, ldaptypes.SR_SECURITY_DESCRIPTOR(data=asked)


file, told = descriptor()
print("owner", told["OwnerSid"].formatCanonical().rsplit("-", 1)[1])
for entry in told["Dacl"].aces:
    entry["Ace"]["Mask"]["Mask"] &= ~2  # FILE_WRITE_DATA
told["OwnerSid"] = told["GroupSid"] = b""
server.setInfo(
    tree,
    file,
    inputBlob=told.getData(),
    infoType=3,
    fileInfoClass=0,
    additionalInformation=DACL_SECURITY_INFORMATION,
)
server.close(tree, file)
file, told = descriptor()
server.close(tree, file)
print("writes", any(entry["Ace"]["Mask"]["Mask"] & 2 for entry in told["Dacl"].aces))
try:
    connection.putFile(SHARE, "guarded", io.BytesIO(b"theirs").read)
except SessionError as error:
    print("refused", error.getErrorString()[0])
back = io.BytesIO()
connection.getFile(SHARE, "guarded", back.write)
print("kept", back.getvalue().decode())
