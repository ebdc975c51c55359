import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { readSafetensors } from '../../src/formats/safetensors';
import { readFloat32 } from '../../src/formats/tensor';
import { innate, scratch } from '../support/cli';
import { FIXTURES } from '../support/fixtures';

/** Choices of `innate distil` beside the presets': freeze levels, a second feature network from a file, the hinge. */
const out = scratch();
const PUBLIC = join(import.meta.dirname, '../../public');
const TEACHER = 'fashion-mnist-32x32-teacher';
const distil = (name: string, ...args: string[]) =>
  innate(
    ...['distil', '--teacher', TEACHER, '--data', join(PUBLIC, 'data/fashion-mnist-32x32.zip')],
    ...['--backend', 'wasm', '--preset', 'small-encoder', '--batch', '2', '--measure-images', '0', '--json'],
    ...['--out', join(out, `${name}.safetensors`)],
    ...args,
  );
const SECOND = ['--second-features', join(FIXTURES, 'method/vgg16-bn.legacy.pth')];

it('level 2 freezes qkv too, beside a second feature network, and the file says so', {
  timeout: 600_000,
}, () => {
  const result = distil('two', '--images', '4', '--freeze', '2', '--loss-type', 'hinge', ...SECOND);
  expect(result.status, result.stderr).toBe(0);
  const teacher = readSafetensors(fileSource(join(PUBLIC, `models/${TEACHER}.safetensors`))).tensors;
  const { tensors, metadata } = readSafetensors(fileSource(join(out, 'two.safetensors')));
  const moved = [...tensors.keys()].filter((name) => {
    const before = readFloat32(teacher.get(name)!);
    return readFloat32(tensors.get(name)!).some((v, i) => v !== before[i]);
  });
  expect(moved.filter((name) => /block.*(conv|proj|qkv)/.test(name))).toEqual([]);
  expect(moved.some((name) => /skip/.test(name))).toBe(true);
  expect(metadata.get('freeze')).toBe('2');
  expect(JSON.parse(metadata.get('distil_config')!)).toMatchObject({
    freeze: 2,
    lossType: 'hinge',
    secondFeatures: 'vgg16-bn',
  });
  // Three heads of the encoder and four of the file, and the state alone goes on with both.
  const state = readSafetensors(fileSource(join(out, 'two.safetensors.state')));
  expect([...state.tensors.keys()].filter((n) => /^heads\.mini_discs\.6\./.test(n)).length).toBeGreaterThan(
    0,
  );
  const on = innate(
    'distil',
    '--resume',
    join(out, 'two.safetensors.state'),
    '--images',
    '6',
    '--backend',
    'wasm',
    '--dtype',
    'f16',
  );
  expect(on.status, on.stderr).toBe(0);
  // Another precision is no other run: it is said, and so is that WebAssembly has none.
  expect(on.stderr).toMatch(/the run so far was float32; from here on it is mixed precision/);
  expect(on.stderr).toMatch(/in float32, because WebAssembly has no float16/);
  const other = distil('two', '--resume', join(out, 'two.safetensors.state'), '--freeze', '1');
  expect(other.status).toBe(1);
  expect(other.stderr).toMatch(/other settings/);
});

it('says first what trains, and where a frozen encoder is still gone back through', () => {
  const first = (freeze: string) =>
    innate(
      ...['distil', '--teacher', TEACHER, '--data', 'no.zip', '--freeze', freeze],
      ...['--out', join(out, 'said.safetensors')],
    ).stderr.split('\n')[0]!;
  expect(first('enc.*')).toMatch(
    /^freeze enc\.\*: .* train, 75\.3 %; .* the frozen encoder.* freeze map_\* too/,
  );
  expect(first('enc.*,map_*')).toMatch(/^freeze enc\.\*,map_\*: .* train, 7\d\.\d %$/);
});

it('refuses a level, a network and a table that are none', () => {
  expect(distil('bad', '--images', '4', '--freeze', '4').stderr).toMatch(/a level \(0, 1, 2, 3\), or globs/);
  expect(distil('bad', '--images', '4', '--freeze', 'enc.*,encoder.*').stderr).toMatch(
    /encoder\.\*: no parameter has such a name.*names such as enc\./,
  );
  const golden = join(FIXTURES, 'method/large-features.golden.safetensors');
  expect(distil('bad', '--images', '4', '--second-features', golden).stderr).toMatch(/not a feature network/);
  expect(distil('bad', '--images', '4', '--class-embeddings', golden).stderr).toMatch(/not a table/);
});

it('globs freeze by name; the file and the first line of the log say what, and the state goes on with them', {
  timeout: 600_000,
}, () => {
  const freeze = 'enc.*,map_*';
  const log = join(out, 'named.jsonl');
  const result = distil('named', '--images', '2', '--freeze', freeze, '--log', log);
  expect(result.status, result.stderr).toBe(0);
  const teacher = readSafetensors(fileSource(join(PUBLIC, `models/${TEACHER}.safetensors`))).tensors;
  const { tensors, metadata } = readSafetensors(fileSource(join(out, 'named.safetensors')));
  const moved = [...tensors.keys()].filter((name) => {
    const before = readFloat32(teacher.get(name)!);
    return readFloat32(tensors.get(name)!).some((v, i) => v !== before[i]);
  });
  expect(moved.length).toBeGreaterThan(20);
  expect(moved.filter((name) => !name.startsWith('model.dec.'))).toEqual([]);
  expect(metadata.get('freeze')).toBe(freeze);
  const head = JSON.parse(readFileSync(log, 'utf8').split('\n')[0]!);
  expect(head).toMatchObject({ event: 'start', method: 'gdd-i', freeze });
  expect(metadata.get('trained_count')).toBe(String(head.trained));
  expect(head.trained + head.frozen).toBe(head.parameters);
  const state = join(out, 'named.safetensors.state');
  const on = innate('distil', '--resume', state, '--images', '4', '--backend', 'wasm');
  expect(on.status, on.stderr).toBe(0);
  expect(distil('named', '--resume', state, '--freeze', 'enc.*').stderr).toMatch(/--freeze enc\.\*,map_\*/);
});
