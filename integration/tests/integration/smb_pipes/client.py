"""Asks a server through its pipes by impacket, and prints what it tells."""

import sys

from impacket.dcerpc.v5 import lsad, lsat, rpcrt, srvs, transport
from impacket.dcerpc.v5.dtypes import MAXIMUM_ALLOWED, NULL
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
