"""A TPM as a character device with swtpm's ioctls, for tests: Debian's swtpm is built without swtpm_cuse. Speaks FUSE's
protocol on /dev/cuse (Linux, include/uapi/linux/fuse.h) and, behind it, swtpm's two channels over TCP.
Usage: cuse-tpm.py NAME CONTROL_PORT DATA_PORT"""
import os
import queue
import socket
import struct
import sys
import threading

CUSE_INIT, OPEN, READ, WRITE, RELEASE, IOCTL = 4096, 14, 15, 16, 18, 39
NO_REPLY = (36, 2)  # INTERRUPT, FORGET
ENOSYS, ENOTTY, EIO = 38, 25, 5
PIECE = 3072
GET_CAPABILITY, GET_ESTABLISHED, HASH_DATA = 0, 3, 6
GET_STATE, SET_STATE, GET_CONFIG, SET_BUFFERSIZE, GET_INFO = 11, 12, 14, 16, 17
LOCALITIES = (4, 10)
NUMBERS = (1, 18)

name, control_port, data_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
control = socket.create_connection(("127.0.0.1", control_port))
data = socket.create_connection(("127.0.0.1", data_port))
cuse = os.open("/dev/cuse", os.O_RDWR)
responses = queue.Queue()
controlling = threading.Lock()
state = b""


def exactly(channel, length):
    return channel.recv(length, socket.MSG_WAITALL) if length else b""


def reply(unique, body=b"", error=0):
    os.write(cuse, struct.pack("=IiQ", 16 + len(body), -error, unique) + body)


def transact(command):
    data.sendall(command)
    head = exactly(data, 10)
    responses.put(head + exactly(data, struct.unpack(">I", head[2:6])[0] - 10))


def ask(number, body=b""):
    """Sends a control request; gives its result."""
    control.sendall(struct.pack(">I", number + 1) + body)
    return struct.unpack(">I", exactly(control, 4))[0]


def words(count):
    return struct.unpack(">%dI" % count, exactly(control, 4 * count))


def run(number, argument):
    """An ioctl's argument in, its answer out."""
    global state
    if number == GET_CAPABILITY:
        ask(number)
        return struct.pack("=Q", words(1)[0])
    if number == GET_STATE:
        flags, kind, offset = struct.unpack("=3I", argument[:12])
        result = ask(number, struct.pack(">3I", flags, kind, offset))
        if result in (3, 10):
            return struct.pack("=4I", result, 0, 0, 0)
        flags, total, length = words(3)
        piece = exactly(control, length)[:PIECE]
        return struct.pack("=4I", result, flags, total, len(piece)) + piece
    if number == SET_STATE:
        flags, kind, length = struct.unpack("=3I", argument[:12])
        state += argument[12 : 12 + length]
        # A full piece is followed by another one.
        if length == PIECE:
            return struct.pack("=I", 0)
        whole, state = state, b""
        return struct.pack("=I", ask(number, struct.pack(">3I", flags, kind, len(whole)) + whole))
    if number == HASH_DATA:
        length = struct.unpack("=I", argument[:4])[0]
        return struct.pack("=I", ask(number, struct.pack(">I", length) + argument[4 : 4 + length]))
    if number == GET_INFO:
        flags, offset = struct.unpack("=QI", argument[:12])
        result = ask(number, struct.pack(">QII", flags, offset, 0))
        if result:
            return struct.pack("=3I", result, 0, 0)
        total, length = words(2)
        return struct.pack("=3I", result, total, length) + exactly(control, length)
    if number in LOCALITIES:
        return struct.pack("=I", ask(number, argument[:1]))
    if number in NUMBERS:
        return struct.pack("=I", ask(number, struct.pack(">I", *struct.unpack("=I", argument[:4]))))
    if number == SET_BUFFERSIZE:
        result = ask(number, struct.pack(">I", *struct.unpack("=I", argument[:4])))
        return struct.pack("=4I", result, *(words(3) if result == 0 else (0, 0, 0)))
    if number == GET_ESTABLISHED:
        result = ask(number)
        return struct.pack("=I", result) + (exactly(control, 4) if result == 0 else bytes(4))
    if number == GET_CONFIG:
        result = ask(number)
        return struct.pack("=2I", result, words(1)[0] if result == 0 else 0)
    return struct.pack("=I", ask(number))


def ioctl(unique, command, argument, size):
    with controlling:
        answer = run(command & 0xFF, argument)
    reply(unique, struct.pack("=iIII", 0, 0, 0, 0) + answer.ljust(size, b"\0")[:size])


def read(unique, size):
    reply(unique, responses.get()[:size])


def aside(work, *args):
    threading.Thread(target=work, args=args, daemon=True).start()


while True:
    message = os.read(cuse, 1 << 20)
    length, opcode, unique = struct.unpack("=IIQ", message[:16])
    body = message[40:length]
    if opcode == CUSE_INIT:
        major, minor = struct.unpack("=II", body[:8])
        answer = struct.pack("=8I", major, minor, 0, 0, 1 << 16, 1 << 16, 0, 0) + bytes(40)
        reply(unique, answer + b"DEVNAME=" + name.encode() + b"\0")
        print("the device /dev/" + name + " is there", flush=True)
    elif opcode == OPEN:
        # Direct: each read is one read here.
        reply(unique, struct.pack("=QII", 0, 1, 0))
    elif opcode == READ:
        aside(read, unique, struct.unpack("=QQI", body[:20])[2])
    elif opcode == WRITE:
        size = struct.unpack("=QQI", body[:20])[2]
        aside(transact, body[40 : 40 + size])
        reply(unique, struct.pack("=II", size, 0))
    elif opcode == IOCTL:
        _, _, command, _, in_size, out_size = struct.unpack("=QIIQII", body[:32])
        if (command >> 8) & 0xFF == ord("P"):
            aside(ioctl, unique, command, body[32 : 32 + in_size], out_size)
        else:
            reply(unique, error=ENOTTY)
    elif opcode == RELEASE:
        reply(unique)
    elif opcode not in NO_REPLY:
        reply(unique, error=ENOSYS)
