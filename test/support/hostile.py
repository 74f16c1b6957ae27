# Clients that mean harm: COUNT connections to a Unix socket (a path) or a TCP port (a number), each with REQUESTS pipelined
# requests for PATH, of whose answers nothing is read. Prints `ready`, and stays.
import socket, sys, time

address, count, requests, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
text = f'GET {path} HTTP/1.1\r\nHost: x\r\n\r\n'.encode() * requests
clients = []
for _ in range(count):
    try:
        if address.isdigit():
            client = socket.create_connection(('127.0.0.1', int(address)), 5)
        else:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(5)
            client.connect(address)
        client.setblocking(False)
        if text: client.send(text)
    except OSError:
        pass
    clients.append(client)
print('ready', flush=True)
time.sleep(120)
