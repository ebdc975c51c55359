import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { readPngText } from '../../src/formats/png';
import { readSafetensors } from '../../src/formats/safetensors';
import { readFloat32 } from '../../src/formats/tensor';
import { innate, scratch, startInnate } from '../support/cli';
import { FIXTURES, maxError, readGolden, shippedCases } from '../support/fixtures';
import { readNpz } from '../support/npz';

const out = scratch();
const mini = join(FIXTURES, 'mini/mini-ncsnpp-16-cond.pkl');
const miniGolden = join(FIXTURES, 'parity/mini-ncsnpp-16-cond.golden.safetensors');
const images = (path: string) => readFloat32(readSafetensors(fileSource(path)).tensors.get('images')!);

describe('run', () => {
  it.each(shippedCases())('$name equals its golden file at sigma 80', ({ checkpoint, golden, name }) => {
    const file = join(out, `${name}.safetensors`);
    const result = innate(
      'run',
      checkpoint,
      '--latents',
      golden,
      '--out',
      file,
      '--backend',
      'wasm',
      '--json',
    );
    expect(result.stderr).toBe('');
    expect(result.status).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({ out: file, backend: expect.stringContaining('wasm') });
    const expected = readGolden(golden).float('output_sigma_80');
    const scale = /-v[ep]$/.test(name) ? 20 : 1;
    expect(maxError(images(file), expected)).toBeLessThanOrEqual(1e-4 * scale);
  });

  it('samples with Heun and two steps, at other noise levels, and overrides the preconditioning', () => {
    const golden = readGolden(miniGolden);
    const file = join(out, 'variants.safetensors');
    const go = (...args: string[]) => {
      const { status, stderr } = innate('run', mini, '--latents', miniGolden, '--out', file, ...args);
      expect(status, stderr).toBe(0);
      return images(file);
    };
    expect(
      maxError(go('--sampler', 'heun', '--steps', '4'), golden.float('heun_4_steps')),
    ).toBeLessThanOrEqual(5e-4);
    expect(maxError(go('--sampler', 'two-step'), golden.float('two_step'))).toBeLessThanOrEqual(1e-4);
    expect(maxError(go('--sigma', '2.5'), golden.float('output_sigma_2.5'))).toBeLessThanOrEqual(1e-4);
    expect(maxError(go('--sigma', '0.05'), golden.float('output_sigma_0.05'))).toBeLessThanOrEqual(1e-4);
    // The two preconditionings differ most where sigma is close to the shift of 0.002.
    const gdd = go('--sigma', '0.01');
    const edm = go('--sigma', '0.01', '--precond', 'edm');
    expect(maxError(gdd, edm)).toBeGreaterThan(1e-4);
  });
});

describe('inspect', () => {
  it("measures every block as the golden file's block_rms", () => {
    const file = join(out, 'activations.json');
    expect(
      innate('inspect', mini, '--sigmas', '80,2.5,0.05', '--latents', miniGolden, '--out', file).status,
    ).toBe(0);
    const activations = JSON.parse(readFileSync(file, 'utf8'));
    const golden = readGolden(miniGolden);
    expect(activations.blocks.map((b: { name: string }) => b.name)).toEqual(
      JSON.parse(golden.metadata.get('blocks')!),
    );
    for (const [level, sigma] of [80, 2.5, 0.05].entries()) {
      const expected = golden.float(`block_rms_sigma_${sigma}`);
      for (const [b, block] of activations.blocks.entries()) {
        const mean = (expected[2 * b]! + expected[2 * b + 1]!) / 2;
        expect(Math.abs(block.rms[level] / mean - 1)).toBeLessThan(1e-3);
        expect(block.rmsPerSample[level]).toHaveLength(2);
      }
    }
  });
});

describe('generate', () => {
  const model = 'fashion-mnist-32x32-gdd-i';

  it('writes a grid with its recipe', () => {
    const file = join(out, 'grid.png');
    const result = innate('generate', model, '--seeds', '0-4', '--out', file, '--json');
    expect(result.status, result.stderr).toBe(0);
    const png = decode(readFileSync(file));
    expect([png.width, png.height, png.channels]).toEqual([96, 64, 1]);
    expect(Object.fromEntries(readPngText(readFileSync(file)))).toMatchObject({
      model,
      seeds: '0-4',
      sampler: 'one-step',
    });
    // Real clothes on black: neither flat nor noise.
    const lit = png.data.slice(0, 32 * 96).filter((v) => v > 100).length / (32 * 96);
    expect(lit).toBeGreaterThan(0.1);
    expect(lit).toBeLessThan(0.7);
  });

  it('writes an .npz with the class of the seed, or the chosen one by name or index', () => {
    const file = join(out, 'images.npz');
    const go = (...args: string[]) => {
      expect(innate('generate', model, '--seeds', '3,5', '--out', file, ...args).status).toBe(0);
      const arrays = readNpz(fileSource(file));
      return (name: string) => [...readFloat32(arrays.get(name)!)];
    };
    const drawn = go();
    expect(readNpz(fileSource(file)).get('images')).toMatchObject({ dtype: 'u8', shape: [2, 32, 32, 1] });
    expect(drawn('seeds')).toEqual([3, 5]);
    expect(go('--class', 'sneaker')('labels')).toEqual([7, 7]);
    const first = drawn('images');
    const seven = go('--class', '7');
    const pictures = seven('images');
    expect(pictures).toEqual(go('--class', 'Sneaker')('images'));
    expect(pictures).not.toEqual(first);
    const adm = go('--npz', 'adm', '--class', '7');
    expect([...readNpz(fileSource(file)).keys()].sort()).toEqual(['arr_0', 'arr_1', 'seeds']);
    expect([adm('arr_0'), adm('arr_1')]).toEqual([seven('images'), seven('labels')]);
  });

  it('writes a folder of PNG files, one a seed', () => {
    const folder = join(out, 'folder/');
    expect(innate('generate', model, '--seeds', '0-2,1.5', '--out', folder).status).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['000000.png', '000001.5.png', '000001.png', '000002.png']);
    expect(innate('generate', model, '--seeds', '9', '--out', folder).status).toBe(0);
    expect(readdirSync(folder)).toHaveLength(5);
    expect(readdirSync(out).filter((f) => f.endsWith('.tmp'))).toEqual([]);
  });
});

describe('convert', () => {
  it('to float16 measures the error; the result runs alike', () => {
    const file = join(out, 'mini.safetensors');
    const result = innate('convert', mini, file, '--json');
    expect(result.status, result.stderr).toBe(0);
    const { error, bytes } = JSON.parse(result.stdout);
    expect(bytes).toBeLessThan(0.65 * readFileSync(mini).length);
    expect(error.max).toBeGreaterThan(0);
    expect(error.max).toBeLessThan(2e-2);
    const run = join(out, 'mini-run.safetensors');
    expect(innate('run', file, '--latents', miniGolden, '--out', run).status).toBe(0);
    expect(maxError(images(run), readGolden(miniGolden).float('output_sigma_80'))).toBeLessThan(2e-2);
    const { tensors, metadata } = readSafetensors(fileSource(file));
    expect(tensors.get('model.map_noise.freqs')!.dtype).toBe('f32');
    expect(tensors.get('model.enc.16x16_conv.weight')!.dtype).toBe('f16');
    expect(metadata.get('precond')).toBe('GDDPrecond');
  });

  it('to float32 is exact', () => {
    const file = join(out, 'mini-f32.safetensors');
    const result = innate('convert', mini, file, '--dtype', 'f32', '--json');
    expect(JSON.parse(result.stdout).error.max).toBe(0);
    const run = join(out, 'f32-run.safetensors');
    innate('run', file, '--latents', miniGolden, '--out', run);
    expect(maxError(images(run), readGolden(miniGolden).float('output_sigma_80'))).toBeLessThanOrEqual(1e-4);
  });

  it('a delta needs its own teacher, and is small', () => {
    const whole = join(out, 'student.safetensors');
    const delta = join(out, 'student-delta.safetensors');
    const teacher = 'fashion-mnist-32x32-teacher';
    expect(innate('convert', 'fashion-mnist-32x32-gdd-i', whole, '--dtype', 'f32').status).toBe(0);
    const result = innate('convert', whole, delta, '--delta-of', teacher, '--json');
    expect(result.status, result.stderr).toBe(0);
    const { bytes, deltaOf } = JSON.parse(result.stdout);
    expect(deltaOf).toBe(teacher);
    expect(bytes).toBeLessThan(0.15 * readFileSync(whole).length);
    const wrong = innate(
      'convert',
      whole,
      join(out, 'x.safetensors'),
      '--delta-of',
      'afhq-cat-64x64-teacher',
    );
    expect(wrong.stderr).toContain('another network');
  });
});

it.each(['teacher', 'teacher.safetensors'])('a delta finds its teacher beside it: %s', (name) => {
  const folder = join(out, `beside-${name}`);
  mkdirSync(folder);
  const whole = join(folder, 'whole.safetensors');
  const delta = join(folder, 'student.safetensors');
  innate('convert', 'fashion-mnist-32x32-gdd-i', whole, '--dtype', 'f32');
  const made = innate('convert', whole, delta, '--delta-of', 'fashion-mnist-32x32-teacher');
  expect(made.status, made.stderr).toBe(0);
  // The same bytes, of a teacher that no catalogue knows.
  const bytes = readFileSync(delta);
  const said = '"delta_of":"fashion-mnist-32x32-teacher"';
  bytes.write('"delta_of":"teacher"'.padEnd(said.length), bytes.indexOf(said));
  writeFileSync(delta, bytes);
  copyFileSync('public/models/fashion-mnist-32x32-teacher.safetensors', join(folder, name));
  const result = innate('generate', delta, '--seeds', '0', '--out', join(folder, 'one.png'));
  expect(result.status, result.stderr).toBe(0);
});

describe('models', () => {
  it('lists and verifies what is shipped', () => {
    expect(innate('models', 'list').stdout).toContain('afhq-cat-64x64-gdd-i');
    expect(JSON.parse(innate('models', 'verify', '--json').stdout)).toMatchObject({ ok: true });
  });
});

describe('bad input: one clear line, non-zero, nothing written', () => {
  const target = join(out, 'never.safetensors');
  const cases: [string, string[], RegExp][] = [
    ['no such file', ['run', 'no.pkl', '--latents', miniGolden, '--out', target], /no\.pkl: no such file/],
    [
      'no such model',
      ['generate', 'no-model', '--seeds', '0', '--out', 'x.png'],
      /no-model.*innate models list/,
    ],
    ['not a checkpoint', ['run', miniGolden, '--latents', miniGolden, '--out', target], /tensors/],
    [
      'latents of another size',
      [
        'run',
        join(FIXTURES, 'parity/ddpmpp-skip-16-vp.pkl'),
        '--latents',
        join(FIXTURES, 'parity/ncsnpp-16-grey-ve.golden.safetensors'),
        '--out',
        target,
      ],
      /latents.*expected \[N, 3, 16, 16\], found \[2, 1, 16, 16\]/,
    ],
    [
      'no folder',
      ['run', mini, '--latents', miniGolden, '--out', '/no/such/folder/o.safetensors'],
      /no folder/,
    ],
    ['bad seeds', ['generate', mini, '--seeds', '3-1', '--out', 'x.png'], /--seeds.*0-15,20/],
    [
      'bad class',
      ['generate', mini, '--seeds', '1', '--class', '3', '--out', 'x.png'],
      /no such class.*0 to 2/,
    ],
    ['bad output', ['generate', mini, '--seeds', '1', '--out', 'x.jpeg'], /\.png or \.npz/],
    ['bad option', ['run', mini, '--sampler', 'euler'], /sampler/],
    ['missing option', ['run', mini], /--latents/],
    ['unknown command', ['paint'], /paint/],
    ['bad sigma', ['run', mini, '--latents', miniGolden, '--out', target, '--sigma', '-1'], /positive/],
  ];
  it.each(cases)('%s', (_name, args, message) => {
    const before = readdirSync(out).sort();
    const { status, stdout, stderr } = innate(...args);
    expect(status).toBeGreaterThan(0);
    expect(stdout).toBe('');
    const errors = stderr.split('\n').filter((l) => l && !/^(note|running)/.test(l));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^innate: /);
    expect(errors[0]).toMatch(message);
    expect(readdirSync(out).sort()).toEqual(before);
  });

  it('a truncated checkpoint, and a hostile one, are refused by name', () => {
    const cut = join(out, 'cut.pkl');
    writeFileSync(cut, readFileSync(mini).subarray(0, 300_000));
    expect(innate('run', cut, '--latents', miniGolden, '--out', target)).toMatchObject({ status: 1 });
    const evil = join(out, 'evil.pkl');
    writeFileSync(evil, Buffer.from("cposix\nsystem\n(S'touch /tmp/innate-owned'\ntR.", 'latin1'));
    const result = innate('run', evil, '--latents', miniGolden, '--out', target);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/posix\.system/);
    expect(existsSync('/tmp/innate-owned')).toBe(false);
    expect(existsSync(target)).toBe(false);
  });

  it('an existing output survives a failure, byte for byte', () => {
    const keep = join(out, 'keep.safetensors');
    copyFileSync(miniGolden, keep);
    expect(innate('run', join(out, 'cut.pkl'), '--latents', miniGolden, '--out', keep).status).toBe(1);
    expect(readFileSync(keep).equals(readFileSync(miniGolden))).toBe(true);
  });

  it('with --json the error is JSON too', () => {
    const { stdout, status } = innate('generate', 'no-model', '--seeds', '0', '--out', 'x.png', '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'not-found', where: 'no-model' });
  });
});

describe('Ctrl-C', () => {
  it('leaves nothing half-written', async () => {
    const folder = join(out, 'interrupted');
    mkdirSync(folder);
    const child = startInnate(
      'generate',
      'afhq-cat-64x64-teacher',
      '--sampler',
      'heun',
      '--seeds',
      '0-63',
      '--out',
      join(folder, 'grid.png'),
    );
    await new Promise((resolve) => child.stderr.once('data', resolve));
    child.kill('SIGINT');
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
      child.once('exit', (...args) => resolve(args)),
    );
    expect(code !== 0 || signal !== null).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });
});

it('generation is the same every time', () => {
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
  const [a, b] = ['a.png', 'b.png'].map((name) => {
    innate('generate', mini, '--seeds', '0-3', '--out', join(out, name));
    return hash(join(out, name));
  });
  expect(a).toBe(b);
});
