# Eager readers, until nobody listens any more: COUNT connections to a Unix socket (a path) or a TCP port (a number); each asks for PATH, reads the answer
# and asks again, with `anew` over another connection; one that is refused or ended connects anew. Prints `ready` when the first is answered.
import selectors, socket, sys

address, count, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
anew = sys.argv[4:] == ['anew']
text = f'GET {path} HTTP/1.1\r\nHost: x\r\n{"Connection: close" if anew else "X: x"}\r\n\r\n'.encode()
selector = selectors.DefaultSelector()


def ask():
    client = socket.socket(socket.AF_INET if address.isdigit() else socket.AF_UNIX)
    client.settimeout(5)
    client.connect(('127.0.0.1', int(address)) if address.isdigit() else address)
    client.send(text)
    # Bytes of the answer, and how many are left of it; None until its head is read.
    selector.register(client, selectors.EVENT_READ, [b'', None])


def answered(client, state):
    """Whether all of an answer is read; OSError if there will be no more."""
    data = client.recv(1 << 16)
    if not data: raise OSError
    if state[1] is None:
        head, separator, rest = (state[0] + data).partition(b'\r\n\r\n')
        if not separator:
            state[0] = head
            return False
        if b' 200 ' not in head[:16]: raise OSError
        state[1] = int(head.lower().split(b'content-length:')[1].split()[0])
        data = rest
    state[1] -= len(data)
    return state[1] <= 0


for _ in range(count): ask()
told = False
while True:
    for key, _ in selector.select():
        try:
            if not answered(key.fileobj, key.data): continue
            if not told: print('ready', flush=True)
            told = True
            if anew: raise OSError
            key.data[:] = [b'', None]
            key.fileobj.send(text)
        except OSError:
            selector.unregister(key.fileobj)
            key.fileobj.close()
            ask()
