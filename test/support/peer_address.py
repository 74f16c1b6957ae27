"""TCP whose server answers with the address of whom it hears: `serve PORT`, `ask ADDRESS PORT SECONDS`."""

import socket
import sys


def serve(port):
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    print("ready", flush=True)
    while True:
        connection, peer = server.accept()
        with connection:
            connection.sendall(peer[0].removeprefix("::ffff:").encode())


def ask(address, port, seconds):
    with socket.create_connection((address, port), timeout=seconds) as connection:
        print(connection.recv(64).decode())


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    ask(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
