// Chromium without a window, driven over its debugging pipe: messages of the DevTools protocol
// (https://chromedevtools.github.io/devtools-protocol/), each a JSON text that ends with a zero byte.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { Lab } from './lab.ts';
import type { Netns } from './netns.ts';

interface Message {
  id?: number;
  sessionId?: string;
  method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: the protocol has a thousand kinds
  params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  result?: any;
  error?: { message: string };
}

export interface TabOptions {
  width?: number;
  height?: number;
  dark?: boolean;
}

export class Chromium {
  private readonly to: Writable;
  private readonly waiting = new Map<number, (message: Message) => void>();
  private readonly tabs = new Map<string, Tab>();
  private last = 0;

  /** It runs in a namespace of the test, and ends with the lab. */
  constructor(lab: Lab, where: Netns) {
    const words = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
    ];
    const profile = `--user-data-dir=${join(lab.dir, 'chromium')}`;
    const command = ['chromium', ...words, profile, '--remote-debugging-pipe', 'about:blank'];
    const { child } = where.spawn(command, { pipes: 2 });
    this.to = child.stdio[3] as Writable;
    let text = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const texts = (text + chunk).split('\0');
      text = texts.pop() ?? '';
      for (const one of texts) this.receive(JSON.parse(one));
    });
  }

  async open(url: string, { width = 1600, height = 1000, dark = false }: TabOptions = {}): Promise<Tab> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab((method, params) => this.send(method, params, sessionId));
    this.tabs.set(sessionId, tab);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await tab.send(`${domain}.enable`);
    await tab.send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await tab.send('Emulation.setEmulatedMedia', { features });
    await tab.send('Page.navigate', { url });
    return tab;
  }

  private async send(method: string, params: object = {}, sessionId?: string): Promise<Message['result']> {
    const id = ++this.last;
    const answer = new Promise<Message>((resolve) => this.waiting.set(id, resolve));
    this.to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  private receive(message: Message): void {
    if (message.id === undefined) this.tabs.get(message.sessionId ?? '')?.told(message);
    else this.waiting.get(message.id)?.(message);
  }
}

export class Tab {
  readonly send: (method: string, params?: object) => Promise<Message['result']>;
  /** What the browser has to complain about: errors of scripts, violations of the policy, requests that failed. */
  readonly complaints: string[] = [];
  /** URLs that were asked for. */
  readonly requests: string[] = [];

  constructor(send: Tab['send']) {
    this.send = send;
  }

  async evaluate<T>(expression: string): Promise<T> {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', options);
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
    return result.value;
  }

  /** The text of what a selector finds first, as somebody sees it; empty if there is nothing. */
  text(selector: string): Promise<string> {
    const found = `document.querySelector(${JSON.stringify(selector)})`;
    return this.evaluate(`${found}?.checkVisibility() ? ${found}.innerText : ''`);
  }

  /** Waits until the text matches. */
  async shows(selector: string, pattern: RegExp, timeoutMs = 15_000): Promise<string> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const text = await this.text(selector).catch(textOfNextPage);
      if (pattern.test(text)) return text;
      if (Date.now() > end) {
        throw new Error(`${selector} does not show ${pattern}, but ${text}\n${this.complaints.join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async screenshot(file: string): Promise<void> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    writeFileSync(file, Buffer.from(data, 'base64'));
  }

  told({ method, params }: Message): void {
    if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
    if (method === 'Runtime.exceptionThrown') {
      this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    }
    if (method === 'Log.entryAdded' && ['warning', 'error'].includes(params.entry.level)) {
      this.complaints.push(`${params.entry.text} ${params.entry.url ?? ''}`);
    }
  }
}

/** A page that is just being left shows nothing: the one that comes is asked. */
function textOfNextPage(error: Error): string {
  if (/navigated or closed/.test(error.message)) return '';
  throw error;
}
