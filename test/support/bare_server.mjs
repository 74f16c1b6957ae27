// What a command costs a machine before anybody does any work for it: HTTP over a Unix socket, JSON parsed, a thread
// asked and its answer waited for. Started by bare_server.ts with the path of its socket.

import { createServer } from 'node:http';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

if (isMainThread) {
  const thread = new Worker(new URL(import.meta.url));
  createServer(async (request, response) => {
    const chunks = await request.toArray();
    thread.postMessage(JSON.parse(Buffer.concat(chunks).toString()));
    thread.once('message', (answer) => response.end(JSON.stringify(answer)));
  }).listen(process.argv[2]);
} else {
  parentPort.on('message', (question) => parentPort.postMessage(question));
}
