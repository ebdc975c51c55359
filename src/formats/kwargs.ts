import { badFile } from '../lib/errors';
import { quote } from './text';

export type Kwargs = Map<string, unknown>;

const MAX_DEPTH = 8;
const MAX_JSON = 1 << 16;

/** Attributes that every preconditioning class of networks.py in NVlabs/edm keeps under its argument's name. */
export const ATTRIBUTES = [
  'img_resolution',
  'img_channels',
  'label_dim',
  'use_fp16',
  'sigma_min',
  'sigma_max',
  'sigma_data',
  'beta_d',
  'beta_min',
  'M',
  'C_1',
  'C_2',
];

const NUMBERS = ATTRIBUTES.filter((name) => name !== 'use_fp16');

/** The arguments in the metadata of a safetensors file; null when it has none. Throws on malformed ones. */
export function metadataKwargs(metadata: ReadonlyMap<string, string>, where: string): Kwargs | null {
  const result: Kwargs = new Map();
  const text = metadata.get('model_kwargs');
  if (text !== undefined) {
    let parsed: unknown;
    try {
      if (text.length > MAX_JSON) throw new RangeError(`${text.length} characters`);
      parsed = JSON.parse(text);
    } catch (error) {
      throw badFile('the metadata of the file are damaged', { where: `${where}, model_kwargs` }, error);
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      throw badFile('the metadata of the file are damaged', {
        where: `${where}, model_kwargs`,
        expected: 'a JSON object',
      });
    for (const [key, value] of Object.entries(parsed)) result.set(key, plainJson(value, 0));
  }
  for (const name of NUMBERS) {
    const value = metadata.get(name);
    if (value === undefined) continue;
    const number = value.trim() === '' ? Number.NaN : Number(value);
    if (Number.isNaN(number))
      throw badFile('the metadata of the file are damaged', {
        where: `${where}, ${name}`,
        found: quote(value),
      });
    result.set(name, number);
  }
  const type = metadata.get('model_type');
  if (type !== undefined && !result.has('model_type')) result.set('model_type', type);
  return result.size > 0 ? result : null;
}

function plainJson(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.map((item) => plainJson(item, depth + 1));
  return new Map(Object.entries(value).map(([key, item]) => [key, plainJson(item, depth + 1)]));
}
