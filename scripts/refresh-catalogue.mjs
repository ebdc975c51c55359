// After weights have changed: npm run catalogue. Brings size, checksum and parameter count of every shipped model
// in public/models/index.json up to date and draws its preview (seeds 0 to 23, six a row), which the page shows
// until the live images take over.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import encodeWebp, { init } from '@jsquash/webp/encode.js';
import { decode as decodePng } from 'fast-png';

const folder = 'public/models';
const file = join(folder, 'index.json');
const catalogue = JSON.parse(readFileSync(file, 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'innate-catalogue-'));
const innate = (...args) =>
  execFileSync(process.execPath, ['build/cli/innate.mjs', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
mkdirSync(join(folder, 'previews'), { recursive: true });
await init(
  await WebAssembly.compile(readFileSync('node_modules/@jsquash/webp/codec/enc/webp_enc_simd.wasm')),
);

for (const model of catalogue.models) {
  if (model.kind !== 'shipped') continue;
  for (const entry of model.files) {
    const path = join(folder, entry.path);
    entry.bytes = statSync(path).size;
    entry.sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  }
}
write(); // the command line below reads it

for (const model of catalogue.models) {
  if (model.kind !== 'shipped') continue;
  const grid = join(scratch, 'grid.png');
  // A teacher's preview shows what it is good at: many steps.
  const sampler = model.role === 'teacher' ? ['--sampler', 'heun', '--steps', '12'] : [];
  innate('generate', model.id, '--seeds', '0-23', '--columns', '6', '--out', grid, ...sampler);
  const { width, height, data, channels } = decodePng(readFileSync(grid));
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let p = 0; p < width * height; p++)
    for (let c = 0; c < 3; c++) rgba[4 * p + c] = data[p * channels + (channels < 3 ? 0 : c)];
  model.preview = `previews/${model.id}.webp`;
  writeFileSync(
    join(folder, model.preview),
    new Uint8Array(await encodeWebp({ data: rgba, width, height }, { quality: 92 })),
  );
}
write();
rmSync(scratch, { recursive: true });

function write() {
  writeFileSync(`${file}.tmp`, `${JSON.stringify(catalogue, null, 1)}\n`);
  renameSync(`${file}.tmp`, file);
}
