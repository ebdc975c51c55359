import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FetchedModels } from '../../cli/fetched/cache';
import { markedPage, serveFetched } from '../../scripts/fetched-models';
import { HEADERS } from '../../scripts/vite-page';
import { scratch } from '../support/cli';

const folder = scratch();
const page = join(folder, 'index.html');
writeFileSync(page, '<!doctype html>\n<html><head>\n<title>x</title></head></html>');
writeFileSync(join(folder, 'secret.safetensors'), 'not described, so not fetched');
const models = new FetchedModels(folder);
const source = { address: 'https://host.org/a.pkl', name: 'a.pkl', bytes: 1, sha256: '0'.repeat(64) };
await models.put('a-1.5', source, async (output) => {
  await output.write(Buffer.from('weights'));
  return { bytes: 7, tensors: 1 };
});

const handlers = [markedPage(page), serveFetched(models)];
const server = createServer((request, response) => {
  const next = (i: number) => () => {
    if (handlers[i]) handlers[i](request, response, next(i + 1));
    else response.writeHead(418).end();
  };
  next(0)();
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
afterAll(() => void server.close());
const get = (path: string, init?: RequestInit) =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, init);

test('the page says that its host has fetched models; its other files are served by others', async () => {
  for (const path of ['/', '/index.html', '/?x=1']) {
    const response = await get(path);
    expect(await response.text()).toContain('<head>\n    <meta name="innate-fetched" content="fetched/">');
    expect(response.headers.get('content-security-policy')).toBe(HEADERS['Content-Security-Policy']);
  }
  expect((await get('/assets/index.js')).status).toBe(418);
  expect((await get('/', { method: 'POST' })).status).toBe(418);
});

test('the list is of this moment, and a model comes whole, isolated and uncached', async () => {
  const list = async () => (await get('/fetched/index.json')).json();
  expect(await list()).toEqual({ models: [{ id: 'a-1.5', bytes: 7 }] });
  const response = await get('/fetched/a-1.5.safetensors');
  expect(await response.text()).toBe('weights');
  for (const [name, value] of Object.entries(HEADERS)) expect(response.headers.get(name)).toBe(value);
  expect(response.headers.get('cache-control')).toBe('no-store');
  const head = await get('/fetched/a-1.5.safetensors', { method: 'HEAD' });
  expect([head.headers.get('content-length'), await head.text()]).toEqual(['7', '']);
  models.remove('a-1.5');
  expect(await list()).toEqual({ models: [] });
  expect((await get('/fetched/a-1.5.safetensors')).status).toBe(404);
});

test('nothing else of the folder is served', async () => {
  for (const name of ['secret.safetensors', 'a-1.5.json', 'index.html', '..%2findex.html', ''])
    expect((await get(`/fetched/${name}`)).status).toBe(404);
});
