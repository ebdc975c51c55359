import { MAX_STEPS, MIN_STEPS, type SamplerName, SIGMA } from './sampling';

/** A row of a comparison: a model, and how its images are made. */
export interface RowSpec {
  /** Id of the catalogue, key of an opened file, or a path. */
  model: string;
  /** Null = the model's own: one step, or two of a two-step student. */
  sampler: SamplerName | null;
  /** Heun steps; null = the paper's number for the network's resolution. */
  steps: number | null;
  /** Noise level of the first evaluation; null = where the model starts. */
  sigma: number | null;
}

/** How a row is written after its model's name, for people whose spelling was not understood. */
export const ROW_FORMS = 'MODEL, MODEL@heun:18, MODEL@two-step or MODEL@sigma=2.5, joined by commas';

/**
 * Reads `MODEL@heun:18,sigma=40`. A name may itself hold an @: only what begins like a sampler or a sigma behind the
 * last one is taken for a setting, and nothing at all behind it says that there is none. Null where that is a setting,
 * but cannot be followed.
 */
export function readRowSpec(text: string): RowSpec | null {
  const at = text.lastIndexOf('@');
  const settings = text.slice(at + 1);
  if (at > 0 && settings === '') return plain(text.slice(0, at));
  if (at <= 0 || !/^(one-step|two-step|heun|sigma)(?![\w-])/.test(settings)) return plain(text);
  const row = plain(text.slice(0, at));
  const said = new Set<string>();
  for (const part of settings.split(',')) {
    const [, sampler, steps, sigma] =
      /^(?:(one-step|two-step|heun)(?::(\d{1,4}))?|sigma=(\d+(?:\.\d+)?))$/.exec(part.trim()) ?? [];
    const what = sampler ? 'sampler' : 'sigma';
    if ((!sampler && !sigma) || said.has(what)) return null;
    said.add(what);
    if (sampler) row.sampler = sampler as SamplerName;
    if (steps !== undefined && !within(Number(steps), MIN_STEPS, MAX_STEPS)) return null;
    if (steps !== undefined && sampler !== 'heun') return null;
    if (steps !== undefined) row.steps = Number(steps);
    if (sigma !== undefined && !within(Number(sigma), SIGMA.min, SIGMA.max)) return null;
    if (sigma !== undefined) row.sigma = Number(sigma);
  }
  return row;
}

/** The shortest text that `readRowSpec` reads as this row. */
export function formatRowSpec({ model, sampler, steps, sigma }: RowSpec): string {
  const settings = [
    ...(sampler === null ? [] : [sampler === 'heun' && steps !== null ? `heun:${steps}` : sampler]),
    ...(sigma === null ? [] : [`sigma=${sigma}`]),
  ];
  // A name that ends like a setting says that it has none.
  const bare = settings.length === 0 && readRowSpec(model)?.model === model;
  return bare ? model : `${model}@${settings.join(',')}`;
}

const plain = (model: string): RowSpec => ({ model, sampler: null, steps: null, sigma: null });
const within = (value: number, low: number, high: number) => value >= low && value <= high;
