"""A TPM's character device for tests: a pseudoterminal in raw mode in front of swtpm's data channel. Its path is
printed. What is written at one go is one command, what is read at one go is its response."""
import os
import socket
import sys
import tty

master, slave = os.openpty()
tty.setraw(slave)
tpm = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print(os.ttyname(slave), flush=True)
while True:
    tpm.sendall(os.read(master, 4096))
    response = tpm.recv(10, socket.MSG_WAITALL)
    response += tpm.recv(int.from_bytes(response[2:6], "big") - 10, socket.MSG_WAITALL)
    os.write(master, response)
