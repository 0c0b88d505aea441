"""Asks a server through its pipes by impacket, works with a file, and prints what it is told."""

import io
import sys

from impacket.dcerpc.v5 import lsad, lsat, rpcrt, srvs, transport
from impacket.dcerpc.v5.dtypes import MAXIMUM_ALLOWED, NULL
from impacket import smb3structs
from impacket.ldap import ldaptypes
from impacket.smbconnection import SMBConnection

host, port, user, password = sys.argv[1:]
connection = SMBConnection(host, host, sess_port=int(port))
connection.login(user, password)


def pipe(name, interface):
    rpc = transport.SMBTransport(host, int(port), name, smb_connection=connection).get_dce_rpc()
    rpc.connect()
    rpc.bind(interface)
    return rpc


for share in connection.listShares():
    print("share", share["shi1_netname"][:-1])

server = pipe(r"\srvsvc", srvs.MSRPC_UUID_SRVS)
resume = 0
while True:
    request = srvs.NetrShareEnum()
    request["ServerName"] = NULL
    request["PreferedMaximumLength"] = 1
    request["ResumeHandle"] = resume
    request["InfoStruct"]["ShareInfo"]["tag"] = 0
    request["InfoStruct"]["Level"] = 0
    answer = server.request(request, checkError=False)
    (share,) = answer["InfoStruct"]["ShareInfo"]["Level0"]["Buffer"]
    is_over = answer["ErrorCode"] == 0
    print("page", share["shi0_netname"][:-1], "over" if is_over else "more")
    resume = answer["ResumeHandle"]
    if is_over:
        break

for session in srvs.hNetrSessionEnum(server, NULL, NULL, 10)["InfoStruct"]["SessionInfo"]["Level10"]["Buffer"]:
    print("session", session["sesi10_username"][:-1], session["sesi10_cname"][:-1])
try:
    srvs.hNetrFileEnum(server, NULL, NULL, 3)
except rpcrt.DCERPCException as error:
    print("files", "denied" if error.get_error_code() == 5 else error)

authority = pipe(r"\lsarpc", lsat.MSRPC_UUID_LSAT)
policy = lsad.hLsarOpenPolicy2(authority, MAXIMUM_ALLOWED)["PolicyHandle"]
found = lsat.hLsarLookupNames3(authority, policy, (user,))
sid = found["TranslatedSids"]["Sids"][0]["Sid"].formatCanonical()
told = lsat.hLsarLookupSids2(authority, policy, (sid,))
domain = told["ReferencedDomains"]["Domains"][0]["Name"]
print("sid", domain + "\\" + told["TranslatedNames"]["Names"][0]["Name"])

info = srvs.hNetrServerGetInfo(server, 101)["InfoStruct"]["ServerInfo101"]
print("server", info["sv101_name"][:-1], info["sv101_version_major"])

# In both directions more than one fragment.
many = lsat.hLsarLookupSids2(authority, policy, (sid,) * 400)["TranslatedNames"]["Names"]
assert [name["Name"] for name in many] == [user] * 400
print("fragments", len(many) // 100)

# Files, and who may do what with them.
data = bytes(range(256)) * 5000
connection.createDirectory("projects", "folder")
connection.putFile("projects", "folder/file", io.BytesIO(data).read)
back = io.BytesIO()
connection.getFile("projects", "folder/file", back.write)
assert back.getvalue() == data
connection.rename("projects", "folder/file", "folder/renamed")
names = [entry.get_longname() for entry in connection.listPath("projects", "folder/*")]
print("files", *sorted(names))
tree = connection.connectTree("projects")
file = connection.openFile(tree, "folder/renamed", desiredAccess=smb3structs.READ_CONTROL | smb3structs.WRITE_DAC)
smb = connection.getSMBServer()
security, dacl = smb3structs.SMB2_0_INFO_SECURITY, smb3structs.DACL_SECURITY_INFORMATION


def descriptor():
    told = smb.queryInfo(tree, file, b"", infoType=security, fileInfoClass=0, additionalInformation=dacl)
    return ldaptypes.SR_SECURITY_DESCRIPTOR(data=told)


changed = descriptor()
changed["Dacl"].aces = changed["Dacl"].aces[:1]
changed["OwnerSid"] = changed["GroupSid"] = changed["Sacl"] = b""
smb.setInfo(tree, file, changed.getData(), infoType=security, fileInfoClass=0, additionalInformation=dacl)
print("entries", len(descriptor()["Dacl"].aces))
connection.closeFile(tree, file)
connection.deleteFile("projects", "folder/renamed")
connection.deleteDirectory("projects", "folder")
