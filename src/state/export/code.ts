import { sharesOf } from '../../lib/class-mix';
import { ownSampler } from '../../lib/sampling';
import { seedClass } from '../../rng/seeds';
import type { Recipe } from '../generate/images';
import type { ModelFacts } from '../models';

/** Programs that make one image again. */
export interface ImageCode {
  /** null where its noise is not a seed's: no line can say it. */
  commandLine: string | null;
  python: string | null;
  /** What the Python lines need beside them, in a sentence. */
  needs: string;
}

type Model = Pick<ModelFacts, 'key' | 'name' | 'resolution' | 'channels' | 'labelDim' | 'sigma' | 'sigmaMid'>;

export function imageCode(recipe: Recipe, model: Model): ImageCode {
  const pickle = /\.pkl$/i.test(model.name);
  const needs = pickle
    ? 'With dnnlib and torch_utils of NVlabs/edm beside it.'
    : 'With this project’s training package (pip install ./training) and its command line.';
  if (recipe.noise !== 'seed') return { commandLine: null, python: null, needs };
  return { commandLine: commandLine(recipe, model), python: python(recipe, model, pickle), needs };
}

/** The model as the command line finds it: by its id, or a file as it is called, without its folder. */
const modelArgument = ({ key, name }: Model): string => quoted(/^file:|^opened/.test(key) ? name : key);

function commandLine(recipe: Recipe, model: Model): string {
  const { seed, classIndex, mix, sampler, sigma, sigmaMid, temperature, evaluations } = recipe;
  const shares = classIndex === null ? [] : sharesOf(classIndex, mix);
  const drawn = model.labelDim > 0 ? seedClass(seed, model.labelDim) : null;
  const classes =
    mix.length > 0
      ? shares.map(({ index, weight }) => `${index}:${weight}`).join()
      : classIndex === drawn
        ? null
        : classIndex;
  const flags: (string | null)[] = [
    `--seeds ${seed}`,
    classes === null ? null : `--class ${classes}`,
    sampler === ownSampler(model) ? null : `--sampler ${sampler}`,
    sampler === 'heun' ? `--steps ${(evaluations + 1) / 2}` : null,
    sigma === model.sigma ? null : `--sigma ${sigma}`,
    sigmaMid === null || sigmaMid === model.sigmaMid ? null : `--sigma-mid ${sigmaMid}`,
    temperature === 1 ? null : `--temperature ${temperature}`,
    `--out seed-${seed}.png`,
  ];
  return `npx innate generate ${modelArgument(model)} \\\n  ${flags.filter(Boolean).join(' ')}`;
}

/** numpy's draw of the noise that a seed means (rng/seeds.ts), on any machine. */
const NOISE = `def noise(seed):  # what torch.Generator("cuda") draws: Philox 4x32-10, Box-Muller
    n, low = math.prod(shape), 0xFFFFFFFF
    c, k = np.zeros((4, n), np.uint64), (seed, 0)
    c[2] = np.arange(n)
    for _ in range(10):
        a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = np.stack([b >> 32 ^ c[1] ^ k[0], b & low, a >> 32 ^ c[3] ^ k[1], a & low])
        k = (k[0] + 0x9E3779B9 & low, k[1] + 0xBB67AE85 & low)
    u, v = c[0] * 2.0**-32 + 2.0**-33, c[1] * 2.0**-32 + 2.0**-33
    return torch.from_numpy(np.sqrt(-2 * np.log(u)) * np.sin(2 * np.pi * v)).float().view(shape)`;

function python(recipe: Recipe, model: Model, pickle: boolean): string {
  const { resolution, channels } = model;
  return [
    pickle ? 'import math, pickle' : 'import math',
    'import numpy as np',
    'import torch',
    'from PIL import Image',
    ...(pickle ? [] : ['from innate_training.checkpoint import load_network']),
    '',
    ...loading(model, pickle),
    `shape = (1, ${channels}, ${resolution}, ${resolution})`,
    '',
    NOISE,
    '',
    ...latents(recipe),
    ...labels(recipe, model),
    'with torch.no_grad():',
    ...sampling(recipe).map((line) => `    ${line}`),
    'pixels = (x * 127.5 + 128).clip(0, 255).to(torch.uint8)[0].permute(1, 2, 0).numpy()',
    `Image.fromarray(pixels.squeeze()).save("seed-${recipe.seed}.png")`,
  ].join('\n');
}

function loading(model: Model, pickle: boolean): string[] {
  if (pickle) return [`with open(${text(model.name)}, "rb") as f:`, '    net = pickle.load(f)["ema"].eval()'];
  const argument = modelArgument(model);
  const file = argument.endsWith('.safetensors') ? model.name : `${model.key}.safetensors`;
  return [
    ...(file === model.name ? [] : [`# npx innate convert ${argument} ${file} --dtype f32`]),
    `net = load_network(${text(file)})[0].eval()`,
  ];
}

function latents({ seed, temperature }: Recipe): string[] {
  const scale = temperature === 1 ? '' : `${temperature} * `;
  const lower = Math.floor(seed);
  if (seed === lower) return [`z = ${scale}noise(${seed})`];
  const t = Number((seed - lower).toFixed(6));
  return [
    `a, b, t = noise(${lower}), noise(${lower + 1}), ${t}`,
    'w = torch.acos((a * b).sum() / (a.norm() * b.norm()))',
    `z = ${scale}(torch.sin((1 - t) * w) * a + torch.sin(t * w) * b) / torch.sin(w)`,
  ];
}

function labels({ classIndex, mix }: Recipe, { labelDim }: Model): string[] {
  if (classIndex === null) return ['y = None'];
  return [
    `y = torch.zeros(1, ${labelDim})`,
    ...sharesOf(classIndex, mix).map(({ index, weight }) => `y[0, ${index}] = ${weight}`),
  ];
}

function sampling({ sampler, sigma, sigmaMid, evaluations }: Recipe): string[] {
  const s = number(sigma);
  if (sampler === 'one-step') return [`x = net(${s} * z, torch.tensor(${s}), y)`];
  if (sampler === 'two-step') {
    const m = number(sigmaMid ?? sigma);
    return [
      `x = net(${s} * z, torch.tensor(${s}), y)`,
      `x = net(x + (${s} * z - x) * ${m} / ${s}, torch.tensor(${m}), y)`,
    ];
  }
  return [
    `n, low, high = ${(evaluations + 1) / 2}, 0.002 ** (1 / 7), ${s} ** (1 / 7)`,
    't = [(high + i / (n - 1) * (low - high)) ** 7 for i in range(n)] + [0.0]',
    'x = z.double() * t[0]',
    'for i in range(n):',
    '    d = (x - net(x.float(), torch.tensor(t[i]), y).double()) / t[i]',
    '    y2, h = x + (t[i + 1] - t[i]) * d, t[i + 1] - t[i]',
    '    if i < n - 1:',
    '        d = (d + (y2 - net(y2.float(), torch.tensor(t[i + 1]), y).double()) / t[i + 1]) / 2',
    '    x = x + h * d',
  ];
}

/** As Python reads a floating-point number. */
const number = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

const text = (value: string): string => JSON.stringify(value);

const quoted = (value: string): string =>
  /^[\w@.,:=/+-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
