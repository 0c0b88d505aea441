#!/usr/bin/env python3
"""A client that logs on by NTLM, made of libraries that are not ours.

usage: client.py HOW USER PASSWORD

Writes a token in hex, reads the answer in hex, and so on; an empty answer ends it. Last it writes `key` and
the session key that it came to, in hex.
"""

import sys

from impacket import ntlm
from impacket.spnego import SPNEGO_NegTokenInit, SPNEGO_NegTokenResp, TypesMech
import spnego
from spnego._spnego import NegState, NegTokenInit, NegTokenResp, unpack_token

HOW, USER, PASSWORD = sys.argv[1:4]
NTLM_OID = "1.3.6.1.4.1.311.2.2.10"
KERBEROS_OID = "1.2.840.48018.1.2.2"


def ask(token):
    print(bytes(token).hex(), flush=True)
    return bytes.fromhex(sys.stdin.readline().strip())


def tell(token):
    print(bytes(token).hex(), flush=True)
    return sys.stdin.readline().strip()


def say_key(key):
    print("key", bytes(key).hex(), flush=True)


def impacket_bare(version_2=True):
    first = ntlm.getNTLMSSPType1("", "", True, use_ntlmv2=version_2)
    challenge = ask(first.getData())
    last, key = ntlm.getNTLMSSPType3(first, challenge, USER, PASSWORD, "CONTOSO", use_ntlmv2=version_2)
    tell(last.getData())
    say_key(key)


def impacket_spnego():
    first = ntlm.getNTLMSSPType1("", "", True)
    opening = SPNEGO_NegTokenInit()
    opening["MechTypes"] = [TypesMech["NTLMSSP - Microsoft NTLM Security Support Provider"]]
    opening["MechToken"] = first.getData()
    challenge = SPNEGO_NegTokenResp(ask(opening.getData()))["ResponseToken"]
    last, key = ntlm.getNTLMSSPType3(first, bytes(challenge), USER, PASSWORD, "CONTOSO")
    closing = SPNEGO_NegTokenResp()
    closing["ResponseToken"] = last.getData()
    tell(closing.getData())
    say_key(key)


def pyspnego(protocol):
    context = spnego.client(USER, PASSWORD, hostname="contoso", service="cifs", protocol=protocol)
    answer = None
    while not context.complete:
        token = context.step(answer)
        if token is None:
            break
        answer = ask(token)
        if not answer:
            break
    if answer and not context.complete:
        context.step(answer)
    say_key(context.session_key)


def second_choice(meddle):
    """The client would rather have Kerberos; who sits in between may take that off its list."""
    context = spnego.client(USER, PASSWORD, hostname="contoso", service="cifs", protocol="ntlm")
    offered = [KERBEROS_OID, NTLM_OID]
    wanted = NegTokenInit(mech_types=offered)
    sent = NegTokenInit(mech_types=["1.2.840.113554.1.2.2", NTLM_OID]) if meddle else wanted
    answer = unpack_token(ask(sent.pack()))
    assert answer.supported_mech == NTLM_OID, answer
    answer = unpack_token(ask(NegTokenResp(response_token=context.step()).pack()))
    last = context.step(answer.response_token)
    listed = spnego._asn1.pack_asn1_sequence([spnego._asn1.pack_asn1_object_identifier(oid) for oid in offered])
    code = None if HOW.endswith("without-code") else context.sign(listed)
    answer = ask(NegTokenResp(response_token=last, mech_list_mic=code).pack())
    if answer:
        answer = unpack_token(answer)
        assert answer.neg_state == NegState.accept_complete, answer
        context.verify(listed, answer.mech_list_mic)
    say_key(context.session_key)


{
    "impacket bare": impacket_bare,
    "impacket NTLMv1": lambda: impacket_bare(False),
    "impacket SPNEGO": impacket_spnego,
    "pyspnego bare": lambda: pyspnego("ntlm"),
    "pyspnego SPNEGO": lambda: pyspnego("negotiate"),
    "pyspnego second choice": lambda: second_choice(False),
    "pyspnego second choice, without-code": lambda: second_choice(False),
    "pyspnego second choice, meddled with": lambda: second_choice(True),
}[HOW]()
