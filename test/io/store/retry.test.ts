/** Retries against a server whose answers are scripted, with an injected clock. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { withRetries } from '../../../src/io/store/retry.ts';
import { openStore } from '../../../src/io/store/store.ts';

type Answer = number | 'cut' | 'silence' | { status: number; headers: Record<string, string> };

let server: Server | undefined;
let seen: { method?: string; authorization?: string }[] = [];

async function scripted(answers: Answer[], options: object = {}) {
  seen = [];
  server = createServer((request, response) => {
    seen.push({ method: request.method, authorization: request.headers.authorization });
    const answer = answers[Math.min(seen.length, answers.length) - 1];
    if (answer === 'silence') return;
    if (answer === 'cut') {
      response.writeHead(200, { 'content-length': '4' });
      response.write('da', () => response.destroy());
      return;
    }
    const { status, headers } = typeof answer === 'number' ? { status: answer, headers: {} } : answer;
    response.writeHead(status, headers);
    response.end(status === 200 ? 'data' : '<Error><Code>Scripted</Code></Error>');
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  const waits: number[] = [];
  const store = await openStore('s3://bucket', {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    retry: { random: () => 0.5, sleep: async (milliseconds) => void waits.push(milliseconds) },
    ...options,
  });
  return { store, waits };
}

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

describe('requests', () => {
  it.each([[500], [503], [429]])('answered %d are made again after a growing, jittered wait', async (status) => {
    const { store, waits } = await scripted([status, status, status, 200]);
    expect(new TextDecoder().decode(await store.get('x'))).toBe('data');
    expect([seen.length, waits]).toEqual([4, [50, 100, 200]]);
  });

  it('are given up after six tries', async () => {
    const { store } = await scripted([503]);
    await expect(store.get('x')).rejects.toMatchObject({ code: 'INPUT_UNREADABLE', data: { status: 503 } });
    await expect(store.put('x', new Uint8Array(3))).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE', data: { status: 503 } });
    expect(seen.length).toBe(12);
  });

  it.each([[400], [401], [403], [404], [409]])('answered %d are not made again', async (status) => {
    const { store } = await scripted([status, 200]);
    await expect(store.get('x')).rejects.toMatchObject({ code: 'INPUT_UNREADABLE', data: { status } });
    expect(seen.length).toBe(1);
  });

  it('whose connection breaks in the body start over', async () => {
    const { store } = await scripted(['cut', 200]);
    expect(new TextDecoder().decode(await store.get('x'))).toBe('data');
    expect(seen.length).toBe(2);
  });

  it('without an answer time out and are made again', async () => {
    const { store } = await scripted(['silence', 200], { requestTimeoutMilliseconds: 100 });
    expect(new TextDecoder().decode(await store.get('x'))).toBe('data');
    expect(seen.length).toBe(2);
  });

  it('wait as long as the server asks', async () => {
    const { store, waits } = await scripted([{ status: 503, headers: { 'retry-after': '3' } }, 200]);
    await store.get('x');
    expect(waits).toEqual([3050]);
  });

  it('are signed, unless for a public bucket', async () => {
    await (await scripted([200])).store.get('x');
    expect(seen[0].authorization).toMatch(/^AWS4-HMAC-SHA256 /);
    await (await scripted([200], { anonymous: true, credentials: undefined })).store.get('x');
    expect(seen[0].authorization).toBeUndefined();
  });

  it('of a range that the server answers with everything are refused', async () => {
    const { store } = await scripted([200]);
    await expect(store.getRange('x', 1, 2)).rejects.toMatchObject({ message: expect.stringContaining('ranged requests') });
  });

  it('meet an object that was replaced in between', async () => {
    const answer = (etag: string) => ({ status: 200, headers: { etag, 'content-length': '4' } });
    const { store } = await scripted([answer('"1"'), answer('"1"'), answer('"2"'), 412]);
    const source = await store.source('x');
    expect(new TextDecoder().decode(await source.read(0, 4))).toBe('data');
    const replaced = { code: 'INPUT_UNREADABLE', message: expect.stringContaining('was replaced while it was read') };
    await expect(source.read(0, 4)).rejects.toMatchObject(replaced);
    await expect(source.read(0, 4)).rejects.toMatchObject(replaced);
  });
});

it('errors of the program are not retried', async () => {
  let calls = 0;
  await expect(withRetries(async () => { calls++; throw new TypeError('no'); })).rejects.toThrow('no'); // biome-ignore format: one line
  expect(calls).toBe(1);
});

it('s3:// without the SDK says what to install', async () => {
  const loadSdk = () => Promise.reject(Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' }));
  await expect(openStore('s3://bucket', { loadSdk })).rejects.toMatchObject({
    code: 'INPUT_UNREADABLE',
    remedy: expect.stringContaining('npm install @aws-sdk/client-s3'),
  });
});
