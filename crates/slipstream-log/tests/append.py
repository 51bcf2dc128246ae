#!/usr/bin/env python3
"""Stores a GET request in a spool, from docs/format.md alone: append.py SPOOL URL DESTINATION"""
import fcntl, json, os, struct, sys, time

def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF

def text(s):  # MessagePack: str 16, bin 8, maps of up to 15
    return b"\xda" + struct.pack(">H", len(s.encode())) + s.encode()

def header(slot, now):
    salt = struct.unpack("<Q", os.urandom(8))[0]
    copy = b"\x89SLIPLOG" + struct.pack("<HHIQQQ20x", 1, slot, 0, salt, now, now)
    return (copy + struct.pack("<I", crc32c(copy))) * 2 + bytes(16)

spool, url, to = sys.argv[1:]
with open(f"{spool}/settings.json") as file:
    settings = json.load(file)
assert settings["format"] == 1
path, now = f"{spool}/collecting/s000.log", int(time.time() * 1000)
unix_ms = now.to_bytes(6, "big")
uuid = unix_ms + bytes([0x70, 0]) + bytes([0x80]) + os.urandom(7)
payload = b"\x83" + text("id") + b"\xc4\x10" + uuid + text("kind") + text("http") + text("to") + text(to)
payload += b"\x82" + text("method") + text("GET") + text("url") + text(url)
if not os.path.exists(path):  # alone here: a program among others renames without replacing
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as log:
        log.write(header(0, now))
with open(os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW), "r+b", buffering=0) as log:
    fcntl.flock(log, fcntl.LOCK_SH)
    head = os.pread(log.fileno(), 144, 0)
    assert head[128:] == bytes(16) and os.fstat(log.fileno()).st_ino == os.stat(path).st_ino, "moved: begin again"
    frame = b"\xc1REC" + struct.pack("<II", len(payload), crc32c(payload))
    frame += struct.pack("<I", crc32c(head[16:24] + frame)) + bytes(16) + payload
    frame += bytes(-len(frame) % 8)
    assert log.write(frame) == len(frame)
