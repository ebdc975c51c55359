import { createHash } from 'node:crypto';
import { expect, test } from '@playwright/test';
import { build } from 'esbuild';
import { seedClass, seedNoise } from '../src/rng/seeds';
import { launchChromium } from './chromium';

test('a seed gives the same bits and the same class in the browser and in Node', async () => {
  const bundle = await build({
    stdin: { contents: "export * from './src/rng/seeds'", resolveDir: '.' },
    bundle: true,
    format: 'iife',
    globalName: 'seeds',
    write: false,
  });
  const seeds = [0, 1, 7, 123456789, 2 ** 32 - 1, 3.25];
  const browser = await launchChromium('none');
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ content: bundle.outputFiles[0]!.text });
    const found = await page.evaluate((list) => {
      const { seedNoise, seedClass } = (globalThis as never as { seeds: typeof import('../src/rng/seeds') })
        .seeds;
      return list.map((seed) => ({
        bits: [...new Uint32Array(seedNoise(seed, 12288).buffer)],
        k: seedClass(seed, 1000),
      }));
    }, seeds);
    const hash = (bits: Iterable<number>) =>
      createHash('sha256').update(Uint32Array.from(bits)).digest('hex');
    for (const [i, seed] of seeds.entries()) {
      expect(hash(found[i]!.bits)).toBe(hash(new Uint32Array(seedNoise(seed, 12288).buffer)));
      expect(found[i]!.k).toBe(seedClass(seed, 1000));
    }
  } finally {
    await browser.close();
  }
});
