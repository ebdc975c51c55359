// Measures the layers of every shipped teacher and its student, or of the students named: npm run layers [-- STUDENT ...].
// Writes public/layers, what the page shows at once. To be run again when weights change (minutes a pair on a CPU). The
// input is the page's own default: real images under noise where a sample pack has them, else the network's trajectory.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { models } = JSON.parse(readFileSync('public/models/index.json', 'utf8'));
const { packs } = JSON.parse(readFileSync('public/data/index.json', 'utf8'));
const wanted = process.argv.slice(2);
mkdirSync('public/layers', { recursive: true });
for (const student of models.filter((m) => m.kind === 'shipped' && m.teacher)) {
  if (wanted.length > 0 && !wanted.includes(student.id)) continue;
  const teacher = models.find((m) => m.id === student.teacher);
  const pack = packs.find((p) => p.id === teacher.dataset);
  const input = pack ? ['noised', '--data', `public/data/${pack.path}`] : ['trajectory'];
  const out = join(tmpdir(), `${teacher.id}.layers.json`);
  const { status } = spawnSync(
    process.execPath,
    [
      ...['build/cli/innate.mjs', 'inspect', teacher.id, '--sigmas', 'heun:18', '--input', ...input],
      ...['--quantities', 'all', '--spectra'],
      ...['--student', student.id, '--digits', '4', '--out', out],
    ],
    { stdio: 'inherit' },
  );
  if (status !== 0) process.exit(1);
  const found = JSON.parse(readFileSync(out, 'utf8'));
  found.weights = Object.fromEntries([teacher, student].map((m) => [m.id, m.files[0].sha256]));
  writeFileSync(`public/layers/${teacher.id}.json`, JSON.stringify(found));
}
