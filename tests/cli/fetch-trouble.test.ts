import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bytes, errorOf, fetching, HALF, sha256, until } from '../support/fetching';
import { ModelHost } from '../support/model-host';

const { host, models, run, fetchOf, there } = await fetching();

describe('a download that breaks', () => {
  test.each([1, HALF, bytes.length - 1])('after %i bytes goes on by itself', async (cut) => {
    host.behave({ cuts: [cut] });
    const { stdout, stderr, status } = await fetchOf('known').end;
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout).source.sha256).toBe(sha256);
    expect(host.requests).toHaveLength(2);
    // What is there is asked for again, but for a little that is compared.
    if (cut > 100_000) expect(host.requests[1]!.from).toBeGreaterThan(cut / 2);
  });

  test('of a host without ranges starts anew, and says so', async () => {
    host.behave({ cuts: [HALF], ranges: false });
    const { stdout, stderr, status } = await run(['models', 'fetch', 'known']).end;
    expect(status, stderr).toBe(0);
    expect(stdout).toContain(sha256);
    expect(stderr).toMatch(/the connection broke: trying again in \d s/);
    expect(stderr).toContain('started anew');
  });

  test('of a file that changes meanwhile is of the new one alone', async () => {
    host.behave({ cuts: [HALF] });
    const going = run(['models', 'fetch', 'mini']);
    await until(() => host.requests.length === 1);
    const changed = Buffer.from(bytes);
    changed[changed.length - 50_000]! ^= 1; // in the last weights
    Object.assign(host.manners, { body: changed, etag: '"two"' });
    const { stdout, stderr, status } = await going.end;
    expect(status, stderr).toBe(0);
    expect(stdout).toContain(createHash('sha256').update(changed).digest('hex'));
    expect(stderr).toContain('The file at the host has changed');
  });

  test.each(['SIGINT', 'SIGKILL'] as const)('by %s goes on where it was', async (signal) => {
    host.behave({ stopsAfter: HALF });
    const stopped = run(['models', 'fetch', 'mini']);
    const part = models.file('mini', 'part');
    await until(() => existsSync(part) && statSync(part).size === HALF);
    stopped.child.kill(signal);
    const end = await stopped.end;
    if (signal === 'SIGINT') {
      expect(end.status).toBe(130);
      expect(end.stderr).toContain('stopped: the same command goes on from here');
      expect(there()).toEqual(['mini.part', 'mini.part.json']);
    } else expect([end.signal, there()]).toEqual(['SIGKILL', expect.arrayContaining(['mini.lock'])]);
    const listed = await run(['models', 'list']).end;
    expect(listed.stdout).toMatch(/mini +unfinished +1\.2 MB of about 2\.3 MB/);

    host.behave();
    const { stdout, stderr, status } = await fetchOf('mini').end;
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout).source.sha256).toBe(sha256);
    expect(host.requests).toHaveLength(1);
    // A kill is not heard: what is left then is what was made safe before, every few seconds.
    if (signal === 'SIGINT') expect(host.requests[0]!.from).toBeGreaterThan(0);
    expect(there()).toEqual(['mini.json', 'mini.safetensors']);
  });

  test('removed, nothing of it stays', async () => {
    host.behave({ stopsAfter: HALF });
    const stopped = run(['models', 'fetch', 'mini']);
    await until(
      () => existsSync(models.file('mini', 'part')) && statSync(models.file('mini', 'part')).size === HALF,
    );
    stopped.child.kill('SIGINT');
    await stopped.end;
    expect((await run(['models', 'remove', 'mini']).end).stdout).toMatch(/^mini: removed, 1\.\d MB freed/);
    expect(there()).toEqual([]);
    expect(errorOf((await run(['models', 'remove', 'mini', '--json']).end).stdout).code).toBe('not-found');
  });
});

describe('refused in one line, with nothing left behind:', () => {
  const cases: [string, string, Parameters<ModelHost['behave']>[0], RegExp][] = [
    ['404', 'mini', { status: 404 }, /does not have this file any more.*HTTP 404.*--url.*--from FILE/],
    ['a page', 'mini', { type: 'text/html' }, /something else in place of the file.*found a page/],
    ['a page without its type', 'mini', { body: Buffer.from('<!doctype html>') }, /found a page/],
    ['another length', 'other-length', {}, /expected 2\d+ bytes, found 2\d+/],
    [
      'another checksum',
      'other-content',
      {},
      /expected sha256 000000000000.*and was deleted|was deleted.*expected sha256 0{12}/,
    ],
    ['another network', 'other-network', {}, /this file is not other-network.*expected 32x32.*found 16x16/],
    ['no checkpoint', 'mini', { body: Buffer.from('no pickle at all') }, /mini\.pkl: /],
  ];
  test.each(cases)('%s', async (_, id, manners, line) => {
    host.behave(manners);
    const { stdout, stderr, status } = await run(['models', 'fetch', id]).end;
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(line);
    expect(there()).toEqual([]);
  });

  test('a host that is not there, with what the connection said', async () => {
    const gone = await ModelHost.open(bytes);
    const closed = gone.url;
    gone.close();
    const { stderr, status } = await run(['models', 'fetch', 'mini', '--url', `${closed}/mini.pkl`]).end;
    expect(status).toBe(1);
    expect(stderr).toMatch(/did not answer.*found ECONNREFUSED.*--from FILE/);
  });

  test('bad arguments', async () => {
    for (const [args, line] of [
      [['no-such'], /no-such.*innate models list/],
      [['mini', '--url', 'ftp://x.org/y'], /--url.*not an address/],
      [['mini', '--url', 'https://x.org/y', '--from', 'z'], /not both/],
      [['mini', '--from', '/no/such/file.pkl'], /cannot open the file/],
    ] as [string[], RegExp][])
      expect((await run(['models', 'fetch', ...args]).end).stderr).toMatch(line);
    expect(host.requests).toEqual([]);
  });
});
