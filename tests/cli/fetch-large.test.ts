import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NETS } from '../../bench/nets';
import { writeAtomic } from '../../cli/files';
import { innateWith, scratch } from '../support/cli';
import { entry } from '../support/mini-adm';
import { watchMemory } from '../support/peak-memory';
import { syntheticPickle } from '../support/synthetic-pickle';

const wanted = process.env.INNATE_LONG_TESTS === '1';
if (!wanted) console.log('skipped: memory of fetching a checkpoint of 1.2 GB (INNATE_LONG_TESTS=1 runs it)');

test.runIf(wanted)(
  'a checkpoint of 1.2 GB is fetched in less than 256 MB of memory',
  async () => {
    const folder = scratch();
    const file = join(folder, 'adm.pkl');
    await writeAtomic(file, syntheticPickle(NETS.adm.config));
    const { size } = statSync(file);
    expect(size).toBeGreaterThan(1.18e9);
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
      createReadStream(file).pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/adm.pkl`;
    const adm = entry('adm', { resolution: 64, classes: null, label_dim: 1000, precond: 'EDMPrecond' });
    const run = innateWith({ 'index.json': { version: 1, models: [adm] } }, { INNATE_CACHE: folder });
    const { child, end } = run(['models', 'fetch', 'adm', '--url', url, '--json']);
    const memory = watchMemory(child.pid!);
    const { status, stdout, stderr } = await end;
    const peak = memory.stop();
    server.close();
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ source: { bytes: size } });
    expect(JSON.parse(stdout).bytes).toBeGreaterThan(590e6);
    console.log(`peak memory of the process: ${(peak / 1e6).toFixed(0)} MB`);
    expect(peak).toBeGreaterThan(40e6);
    expect(peak).toBeLessThan(256e6);
  },
  600_000,
);
