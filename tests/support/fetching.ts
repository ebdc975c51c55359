import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach } from 'vitest';
import { FetchedModels } from '../../cli/fetched/cache';
import { innateWith, scratch } from './cli';
import { checkpoint, entry } from './mini-adm';
import { ModelHost } from './model-host';

export const bytes = readFileSync(checkpoint);
export const sha256 = createHash('sha256').update(bytes).digest('hex');
export const HALF = Math.floor(bytes.length / 2);

const catalogue = {
  version: 1,
  models: [
    entry('mini'),
    entry('known', {}, { bytes: bytes.length, sha256 }),
    entry('other-length', {}, { bytes: bytes.length - 1 }),
    entry('other-content', {}, { sha256: '0'.repeat(64) }),
    entry('other-network', { resolution: 32 }),
    entry('by-hand', { kind: 'manual' }, { url: 'https://drive.example/folder' }),
  ],
};

/**
 * `innate models fetch` on a machine of its own: a catalogue of one small checkpoint under several names, a host in the
 * place of huggingface.co, another one, and an empty cache before each test.
 */
export async function fetching() {
  const host = await ModelHost.open(bytes);
  const mirror = await ModelHost.open(bytes);
  const cache = scratch();
  const models = new FetchedModels(join(cache, 'models'));
  const run = innateWith({ 'index.json': catalogue }, { INNATE_CACHE: cache, HF_ENDPOINT: host.url });
  beforeEach(() => {
    host.behave();
    mirror.behave();
    for (const { id } of catalogue.models) models.remove(id);
  });
  return {
    host,
    mirror,
    models,
    run,
    fetchOf: (id: string, ...more: string[]) => run(['models', 'fetch', id, '--json', ...more]),
    /** Names in the cache. */
    there: () => (existsSync(models.folder) ? readdirSync(models.folder).sort() : []),
  };
}

/** The error that a command printed as JSON. */
export const errorOf = (stdout: string) => JSON.parse(stdout).error as Record<string, string>;

/** Resolves as soon as `test` holds. */
export async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 20));
}
