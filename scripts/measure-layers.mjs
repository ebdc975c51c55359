// Measures the layers of every shipped teacher and its student: npm run layers. Writes public/layers, what the page
// shows at once. To be run again when weights change (minutes on a CPU).
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { models } = JSON.parse(readFileSync('public/models/index.json', 'utf8'));
const { packs } = JSON.parse(readFileSync('public/data/index.json', 'utf8'));
mkdirSync('public/layers', { recursive: true });
for (const student of models.filter((m) => m.kind === 'shipped' && m.teacher)) {
  const teacher = models.find((m) => m.id === student.teacher);
  const pack = packs.find((p) => p.id === teacher.dataset);
  if (!pack) continue;
  const out = join(tmpdir(), `${teacher.id}.layers.json`);
  const { status } = spawnSync(
    process.execPath,
    [
      ...['build/cli/innate.mjs', 'inspect', teacher.id, '--sigmas', 'heun:18', '--input', 'noised'],
      ...['--data', `public/data/${pack.path}`, '--quantities', 'all', '--spectra'],
      ...['--student', student.id, '--digits', '4', '--out', out],
    ],
    { stdio: 'inherit' },
  );
  if (status !== 0) process.exit(1);
  const found = JSON.parse(readFileSync(out, 'utf8'));
  found.weights = Object.fromEntries([teacher, student].map((m) => [m.id, m.files[0].sha256]));
  writeFileSync(`public/layers/${teacher.id}.json`, JSON.stringify(found));
}
