import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Changes } from '../../src/control/changes.ts';
import { type ControlServer, startControlServer } from '../../src/control/server.ts';
import { type WebServer, webServer } from '../../src/control/web_server.ts';
import { SimulatedSwitch } from './simulated_switch.ts';

let directory: string;
let control: ControlServer;
let web: WebServer;

const BR0 = { version: 1, bridges: { br0: { ports: { vm1: { type: 'tap' } } } } };

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tlweb-'));
  const api = new SimulatedSwitch(BR0);
  const changes = new Changes(api, () => undefined);
  control = await startControlServer({ api, changes, version: '9.9.9', socket: join(directory, 's') });
  web = await webServer({ address: '127.0.0.1', port: 0 }, control.app);
});
afterEach(async () => {
  await web.close();
  await control.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Not `fetch`, which says itself what `Host` is. */
function ask(options: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on('error', reject).end();
  });
}

const port = () => new URL(web.url).port;
const token = () => new URL(web.url).hash.slice(1);
const bearer = () => ({ authorization: `Bearer ${token()}` });

function askWeb(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return ask({ host: '127.0.0.1', port: port(), path, method, headers });
}

function askSocket(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return ask({ socketPath: control.socket, path, method, headers });
}

test('the page comes from both listeners, and runs nothing but its own script', async () => {
  for (const { status, headers, body } of [await askWeb('/'), await askSocket('/')]) {
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    );
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(body).toContain('<script defer src="page.js">');
  }
  expect((await askWeb('/style.css')).headers['content-type']).toBe('text/css; charset=utf-8');
});

describe('over TCP', () => {
  test('what the switch tells takes the token', async () => {
    const path = '/v1/switch';
    expect(JSON.parse((await askWeb(path, bearer())).body)).toMatchObject({ version: '9.9.9' });
    for (const authorization of [
      '',
      token(),
      'Bearer ',
      `Bearer ${token()}x`,
      `Bearer ${token().slice(1)}`,
    ]) {
      const { status, body } = await askWeb(path, { authorization });
      expect([status, JSON.parse(body).code]).toEqual([401, 'wrong_token']);
    }
    expect((await askWeb('/openapi.json')).status).toBe(401);
    expect((await askWeb(`${path}?token=${token()}`)).status).toBe(401);
  });

  test.each(['PUT', 'PATCH', 'POST', 'DELETE', 'HEAD'])(
    '%s is refused, with the token too',
    async (method) => {
      expect((await askWeb('/v1/bridges/br0', bearer(), method)).status).toBe(405);
      expect((await askSocket('/v1/bridges/br0')).status).toBe(200);
    },
  );

  test('a name that somebody made resolve to this address is not ours', async () => {
    for (const host of ['evil.example', `evil.example:${port()}`, 'switch', '127.0.0.1.evil.example']) {
      const { status, body } = await askWeb('/', { ...bearer(), host });
      expect([host, status, JSON.parse(body).code]).toEqual([host, 403, 'foreign_host']);
    }
    for (const host of ['localhost', `LOCALHOST:${port()}`, '192.0.2.1:80', '[::1]:80']) {
      expect([host, (await askWeb('/', { host })).status]).toEqual([host, 200]);
    }
  });

  test('the name under which it listens is its own', async () => {
    const named = await webServer({ address: 'LocalHost', port: 0 }, control.app);
    expect((await fetch(new URL('/', named.url))).status).toBe(200);
    await named.close();
  });

  test('scripts of other sites are refused', async () => {
    const host = `127.0.0.1:${port()}`;
    for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1:1', `https://${host}`]) {
      expect((await askWeb('/v1/switch', { ...bearer(), host, origin })).status).toBe(403);
    }
    expect((await askWeb('/v1/switch', { ...bearer(), host, origin: `http://${host}` })).status).toBe(200);
  });

  test('an address that is taken is told', async () => {
    const taken = { address: '127.0.0.1', port: Number(port()) };
    await expect(webServer(taken, control.app)).rejects.toMatchObject({
      code: 'web_address',
      message: `Cannot serve the web page at 127.0.0.1:${port()}: the address is in use`,
    });
  });
});

describe('on the control socket', () => {
  test('clients may call it what they like, but for names of the world', async () => {
    for (const host of ['taploom', 'localhost', 'localhost:8080', '127.0.0.1:8080', '']) {
      expect([host, (await askSocket('/v1/healthz', { host })).status]).toEqual([host, 200]);
    }
    const { status, body } = await askSocket('/v1/healthz', { host: 'evil.example:8080' });
    expect([status, JSON.parse(body).code]).toEqual([403, 'foreign_host']);
  });

  test('a site that is open in a browser changes nothing, where the socket is forwarded', async () => {
    const headers = { host: 'localhost:8080', origin: 'http://evil.example' };
    const { status, body } = await askSocket('/v1/bridges/br0', headers, 'DELETE');
    expect([status, JSON.parse(body).code]).toEqual([403, 'foreign_site']);
    expect((await askSocket('/v1/bridges/br0')).status).toBe(200);
  });
});

describe('a token of a file', () => {
  const TOKEN = 'abcdefghijklmnopqrstuvw';
  const open = (tokenFile: string) => webServer({ address: '127.0.0.1', port: 0, tokenFile }, control.app);

  function file(text: string, mode = 0o600): string {
    const name = join(directory, 'token');
    writeFileSync(name, text);
    chmodSync(name, mode);
    return name;
  }

  test('opens, and is not told again', async () => {
    await web.close();
    web = await open(file(`${TOKEN}\n`));
    expect(web.url).toBe(`http://127.0.0.1:${port()}/`);
    expect((await askWeb('/v1/switch', { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
  });

  test.each([
    ['short', '600', 'a token has 22 to 256 letters'],
    [`${TOKEN} ${TOKEN}`, '600', 'a token has 22 to 256 letters'],
    [TOKEN, '604', 'everybody may read it: chmod o-r'],
    [TOKEN, '602', 'everybody may write to it'],
  ])('%s with mode %s is refused', async (text, mode, reason) => {
    await expect(open(file(text, Number.parseInt(mode, 8)))).rejects.toMatchObject({
      code: 'web_token',
      message: expect.stringContaining(reason),
    });
  });

  test('that is missing is told', async () => {
    await expect(open(join(directory, 'missing'))).rejects.toThrow('ENOENT');
  });
});
