import { createHash } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { createOffline, type OfflineOptions } from '../../src/app/offline-cache';
import { FakeCaches } from './fake-caches';

const SCOPE = 'https://host.example/some/where/';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** A host that sends what vite's preview sends. */
let host: Record<string, string>;
let online: boolean;
let caches: FakeCaches;
let asked: string[];

beforeEach(() => {
  host = {
    '': '<the page>',
    'assets/index-1.js': 'script',
    'models/index.json': '{}',
    'models/cat.bin': 'cat',
    'data/cats.zip': 'cats',
  };
  online = true;
  asked = [];
  caches = new FakeCaches(answerOfHost);
});

async function answerOfHost({ url }: Request): Promise<Response> {
  if (!online) throw new TypeError('Failed to fetch');
  const path = url.slice(SCOPE.length);
  asked.push(path);
  const body = host[path];
  return body === undefined
    ? new Response('', { status: 404 })
    : new Response(body, { headers: { vary: 'Origin' } });
}

function worker(changes: Partial<OfflineOptions> = {}) {
  const files = Object.fromEntries(
    ['models/index.json', 'models/cat.bin', 'data/cats.zip'].map((path) => [path, sha256(host[path]!)]),
  );
  const offline = createOffline({
    shell: ['./', 'assets/index-1.js'],
    version: '1',
    files,
    wanted: ['models/index.json', 'models/cat.bin'],
    later: ['data/cats.zip'],
    headers: { 'Content-Security-Policy': "default-src 'none'", 'Cross-Origin-Opener-Policy': 'same-origin' },
    scope: SCOPE,
    caches: caches as unknown as CacheStorage,
    fetch: answerOfHost,
    ...changes,
  });
  const get = async (path: string, init: RequestInit & { page?: boolean } = {}) => {
    const request = new Request(SCOPE + path, init);
    // Only a browser makes requests of this mode.
    if (init.page) Object.defineProperty(request, 'mode', { value: 'navigate' });
    const later: Promise<void>[] = [];
    const response = await offline.answer(request, (work) => later.push(work));
    await Promise.all(later);
    return response;
  };
  return { ...offline, get, text: async (path: string) => (await get(path)).text() };
}

test('a script is there offline although the host varies its answers by Origin', async () => {
  const { install, get } = worker();
  await install();
  online = false;
  expect(await (await get('', { page: true })).text()).toBe('<the page>');
  expect(await (await get('index.html', { page: true })).text()).toBe('<the page>');
  const script = await get('assets/index-1.js', { headers: { Origin: 'https://host.example' } });
  expect(await script.text()).toBe('script');
  expect(await (await get('models/cat.bin')).text()).toBe('cat');
});

test('what is wanted later is fetched when the page asks for it, once, and is there offline', async () => {
  const { install, keepLater, text } = worker();
  await install();
  expect(asked).not.toContain('data/cats.zip');
  await keepLater();
  await keepLater();
  expect(asked.filter((path) => path === 'data/cats.zip')).toHaveLength(1);
  online = false;
  expect(await text('data/cats.zip')).toBe('cats');
});

test('every answer has the headers, from the cache and from the network', async () => {
  const { install, get } = worker();
  await install();
  for (const path of ['assets/index-1.js', 'models/cat.bin', 'data/cats.zip', 'nothing'])
    expect((await get(path)).headers.get('Content-Security-Policy'), path).toBe("default-src 'none'");
});

test('a file that a new build changed is fetched anew, and the others are kept', async () => {
  const first = worker();
  await first.install();
  expect(await first.text('data/cats.zip')).toBe('cats');
  host['data/cats.zip'] = 'more cats';
  asked = [];
  const second = worker({ version: '2' });
  await second.install();
  await second.activate();
  expect(asked).not.toContain('models/cat.bin');
  expect(await second.text('data/cats.zip')).toBe('more cats');
  online = false;
  expect(await second.text('data/cats.zip')).toBe('more cats');
  expect(await second.text('models/cat.bin')).toBe('cat');
  expect(await caches.keys()).toEqual(['innate-files', 'innate-page-2']);
});

test('what is not of this build is passed on and not kept', async () => {
  const { install, text } = worker();
  await install();
  host['data/cats.zip'] = '<!doctype html>a login page';
  expect(await text('data/cats.zip')).toContain('login');
  online = false;
  await expect(text('data/cats.zip')).rejects.toThrow('Failed to fetch');
});

test('an address without a page leads to the page, which names it; the host’s other pages stay', async () => {
  const { install, get } = worker();
  await install();
  host.other = 'another page';
  expect(await (await get('other', { page: true })).text()).toBe('another page');
  const answer = await get('a/b', { page: true });
  expect([answer.status, answer.headers.get('location')]).toEqual([302, `${SCOPE}#/a/b`]);
  online = false;
  expect((await get('a/b', { page: true })).status).toBe(302);
});
