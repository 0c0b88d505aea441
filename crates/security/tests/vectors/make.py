#!/usr/bin/env python3
"""Makes the vectors of src/smb/tests.rs with implementations that are not ours.

    pip install cryptography==50.0.2 impacket==0.13.1 && python3 make.py

Keys: impacket's KDF_CounterMode. Signatures and encryption: `cryptography` (OpenSSL). Messages are
made by `pattern`, which the tests have too, so that long ones need no fixture.
"""
import hashlib
import struct

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from impacket.crypto import KDF_CounterMode


def pattern(length):
    return bytes((index * 131 + (index >> 8) * 7 + 5) & 0xFF for index in range(length))


def say(name, value):
    print(f"{name:34} {value.hex()}")


def keys():
    session_key, full = pattern(16), pattern(32)
    for name, label, context in [
        ("signing 3.0", b"SMB2AESCMAC\0", b"SmbSign\0"),
        ("application 3.0", b"SMB2APP\0", b"SmbRpc\0"),
        ("server to client 3.0", b"SMB2AESCCM\0", b"ServerOut\0"),
        ("client to server 3.0", b"SMB2AESCCM\0", b"ServerIn \0"),
    ]:
        say(name, KDF_CounterMode(session_key, label, context, 128))
    preauth = hashlib.sha512(hashlib.sha512(bytes(64) + pattern(100)).digest() + pattern(333)).digest()
    say("preauth hash", preauth)
    for name, key, label, bits in [
        ("signing 3.1.1", session_key, b"SMBSigningKey\0", 128),
        ("application 3.1.1", session_key, b"SMBAppKey\0", 128),
        ("server to client 3.1.1", session_key, b"SMBS2CCipherKey\0", 128),
        ("client to server 3.1.1", session_key, b"SMBC2SCipherKey\0", 128),
        ("server to client 3.1.1 AES-256", full, b"SMBS2CCipherKey\0", 256),
        ("client to server 3.1.1 AES-256", full, b"SMBC2SCipherKey\0", 256),
    ]:
        say(name, KDF_CounterMode(key, label, preauth, bits))


def message(length, message_id, command, flags):
    header = bytearray(pattern(64))
    header[12:14] = struct.pack("<H", command)
    header[16:20] = struct.pack("<I", flags)
    header[24:32] = struct.pack("<Q", message_id)
    header[48:64] = bytes(16)
    return bytes(header) + pattern(length)


def signatures():
    key = pattern(16)
    for length in [0, 16, 1000, 4113, 1048592]:
        signed = message(length, 7, 8, 9)
        one = hmac.HMAC(key, hashes.SHA256())
        one.update(signed)
        say(f"HMAC-SHA256 {length}", one.finalize()[:16])
        other = CMAC(AES(key))
        other.update(signed)
        say(f"AES-128-CMAC {length}", other.finalize())
        say(f"AES-128-GMAC {length}", AESGCM(key).encrypt(struct.pack("<QI", 7, 1), b"", signed))
    cancel = message(4, 9, 12, 8)
    say("AES-128-GMAC client's CANCEL", AESGCM(key).encrypt(struct.pack("<QI", 9, 2), b"", cancel))


def encrypted():
    for name, algorithm, key_bytes, nonce_bytes in [
        ("AES-128-CCM", lambda key: AESCCM(key, 16), 16, 11),
        ("AES-128-GCM", AESGCM, 16, 12),
        ("AES-256-CCM", lambda key: AESCCM(key, 16), 32, 11),
        ("AES-256-GCM", AESGCM, 32, 12),
    ]:
        header = bytearray(pattern(52))
        header[20:36] = bytes([1, 2, 3]) + struct.pack("<Q", 0) + bytes(5)
        nonce = bytes(header[20 : 20 + nonce_bytes])
        output = algorithm(pattern(key_bytes)).encrypt(nonce, pattern(77), bytes(header[20:]))
        say(f"{name} message", output[:-16])
        say(f"{name} signature", output[-16:])


keys()
signatures()
encrypted()
