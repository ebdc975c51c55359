import * as v from 'valibot';

/**
 * What an entry of public/models/index.json may say. Every message is what is expected there, in words that follow
 * "expected"; docs/models.md describes the fields.
 */

/** How a network came to be, by the name that its paper gives the method. */
const METHODS = ['edm', 'gdd', 'gdd-i', 'imitation', 'cd', 'sid', 'sida', 'sid2a', 'dmd2', 'ect'] as const;

const text = v.pipe(v.string('a text'), v.minLength(1, 'a text'));
const positive = v.pipe(
  v.number('a positive number'),
  v.finite('a positive number'),
  v.gtValue(0, 'a positive number'),
);
const whole = (words: string, least = 0) =>
  v.pipe(v.number(words), v.safeInteger(words), v.minValue(least, words));
const https = v.pipe(v.string('an https address'), v.regex(/^https:\/\/[^\s/]+\/\S*$/, 'an https address'));
const insideFolder = v.pipe(
  v.string('a path inside the models folder'),
  v.check((path) => path !== '' && !/^\/|(^|\/)\.\.(\/|$)|\\/.test(path), 'a path inside the models folder'),
);

const FILE = v.looseObject({
  /** Relative to the catalogue's folder; shipped files have one. */
  path: v.optional(insideFolder),
  /** Public address, for the command line and as a link. */
  url: v.optional(https),
  bytes: v.nullable(whole('a number of bytes, or null')),
  sha256: v.nullable(
    v.pipe(
      v.string('64 hexadecimal digits, or null'),
      v.regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits, or null'),
    ),
  ),
  dtype: v.picklist(['f16', 'f32'], 'f16 or f32'),
  /** Id of the model whose weights this file changes. */
  deltaOf: v.optional(text),
});

/** A Fréchet distance that this project measured: its features are named, and it is no FID. */
const QUALITY = v.looseObject({
  metric: v.literal('frechet', 'frechet'),
  features: text,
  sampler: text,
  nfe: whole('a number of evaluations', 1),
  value: v.number('a number'),
  error: v.nullable(v.number('a number, or null')),
  floor: v.nullable(v.number('a number, or null')),
  n: whole('a number of images', 1),
  reference: text,
});

/** FID as the authors of a network report it: nothing that was measured here. */
const REPORTED = v.looseObject({
  metric: v.literal('fid', 'fid'),
  value: positive,
  /** Whether they say it of this file (or its configuration), or only of the best of the method on this data set. */
  of: v.picklist(['file', 'family'], 'file or family'),
  /** Evaluations that it took, where they are not the entry's `nfe`. */
  nfe: v.optional(whole('a number of evaluations', 1)),
  /** Where it was read, in words and as an address. */
  source: text,
  url: https,
});

export const ENTRY = v.looseObject({
  id: text,
  name: text,
  role: v.picklist(['teacher', 'student'], 'teacher or student'),
  /** Id of the entry that it was made from. */
  teacher: v.optional(text),
  method: v.optional(v.picklist(METHODS, METHODS.join(', '))),
  /** What tells it from others of its method on the same data: "VP", "alpha 1.2". */
  variant: v.optional(text),
  kind: v.picklist(['shipped', 'official', 'manual'], 'shipped, official or manual'),
  /** The data-set zip's name. */
  dataset: text,
  precond: text,
  /** Noise level at which generation starts; 80 where it is absent. */
  sigma: v.optional(positive),
  /** Noise level of a two-step student's second evaluation; absent for every other model. */
  sigma_mid: v.optional(positive),
  /** Evaluations of the network for one image, as its authors sample it. */
  nfe: v.optional(whole('a number of evaluations', 1)),
  architecture: v.record(v.string(), v.unknown(), 'arguments of the network'),
  resolution: whole('a number of pixels', 1),
  channels: whole('a number of channels', 1),
  /**
   * Names of the classes, or the JSON file beside the catalogue that lists them (long lists are read when they are
   * needed); null where there are none or nobody lists their names.
   */
  classes: v.nullable(
    v.union([v.array(text, 'names'), insideFolder], 'names, the path of a file of names, or null'),
  ),
  /** Number of classes of a network whose names are not in the entry itself. */
  label_dim: v.optional(whole('a number of classes')),
  parameters: whole('a number of parameters'),
  files: v.pipe(v.array(FILE, 'a list'), v.minLength(1, 'at least one file')),
  preview: v.optional(insideFolder),
  licence: text,
  /** An arXiv number, or an https address. */
  paper: v.optional(
    v.pipe(
      v.string('an arXiv number or address'),
      v.regex(/^(\d{4}\.\d{4,5}|https:\/\/\S+)$/, 'an arXiv number or address'),
    ),
  ),
  reported: v.optional(REPORTED),
  provenance: v.record(v.string(), v.unknown(), 'an object'),
  quality: v.array(QUALITY, 'a list'),
});

export const CATALOGUE = v.looseObject({
  version: v.literal(1, 'version 1'),
  models: v.array(ENTRY, 'a list'),
});
