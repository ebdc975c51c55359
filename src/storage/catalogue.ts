import { InnateError } from '../lib/errors';

/** public/models/index.json: the models that come with the project, and those a person may add. */
export interface Catalogue {
  version: 1;
  models: CatalogueModel[];
}

export interface CatalogueFile {
  /** Relative to the catalogue's folder; shipped files have one. */
  path?: string;
  /** Public address, for the command line and as a link. */
  url?: string;
  bytes: number | null;
  sha256: string | null;
  dtype: string;
  /** Id of the model whose weights this file changes. */
  deltaOf?: string;
}

export interface Quality {
  metric: 'frechet';
  features: string;
  sampler: string;
  nfe: number;
  value: number;
  error: number | null;
  floor: number | null;
  n: number;
  reference: string;
}

export interface CatalogueModel {
  id: string;
  name: string;
  role: 'teacher' | 'student';
  teacher?: string;
  method?: 'gdd' | 'gdd-i';
  kind: 'shipped' | 'official' | 'manual';
  /** The data-set zip's name. */
  dataset: string;
  precond: string;
  /** Noise level at which generation starts; 80 where it is absent. */
  sigma?: number;
  architecture: Record<string, unknown>;
  resolution: number;
  channels: number;
  /** Names of the classes; null where there are none or nobody lists their names. */
  classes: string[] | null;
  /** Number of classes of a network whose names are not listed. */
  label_dim?: number;
  parameters: number;
  files: CatalogueFile[];
  preview?: string;
  licence: string;
  provenance: Record<string, unknown>;
  quality: Quality[];
}

/** Throws a `bad-file` error that names the entry and the field when `json` is not a catalogue. */
export function parseCatalogue(json: string, where = 'index.json'): Catalogue {
  const fail = (expected: string, found: unknown, at: string): never => {
    throw new InnateError('bad-file', 'the model catalogue is damaged', {
      where: `${where}, ${at}`,
      expected,
      found: String(JSON.stringify(found)).slice(0, 60),
    });
  };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return fail('JSON', json.slice(0, 20), 'byte 0');
  }
  const root = value as Partial<Catalogue> | null;
  if (root?.version !== 1) fail('version 1', root?.version, 'version');
  if (!Array.isArray(root!.models)) fail('a list', root!.models, 'models');
  const ids = new Set<string>();
  for (const [i, m] of (root!.models as Partial<CatalogueModel>[]).entries()) {
    const at = `models[${i}]`;
    if (typeof m?.id !== 'string' || m.id === '' || ids.has(m.id)) fail('a unique id', m?.id, at);
    ids.add(m.id!);
    if (m.role !== 'teacher' && m.role !== 'student') fail('teacher or student', m.role, `${at}.role`);
    if (!['shipped', 'official', 'manual'].includes(m.kind!))
      fail('shipped, official or manual', m.kind, `${at}.kind`);
    if (m.sigma !== undefined && !(typeof m.sigma === 'number' && m.sigma > 0 && Number.isFinite(m.sigma)))
      fail('a positive number', m.sigma, `${at}.sigma`);
    const labels = m.label_dim;
    if (labels !== undefined && !(Number.isInteger(labels) && labels >= 0))
      fail('a number of classes', labels, `${at}.label_dim`);
    if (!Array.isArray(m.files)) fail('a list', m.files, `${at}.files`);
    for (const [j, f] of m.files!.entries()) {
      if (f.path !== undefined && (typeof f.path !== 'string' || /^\/|(^|\/)\.\.(\/|$)|\\/.test(f.path)))
        fail('a path inside the models folder', f.path, `${at}.files[${j}].path`);
      if (m.kind === 'shipped' && !f.path) fail('a path', f, `${at}.files[${j}]`);
    }
  }
  for (const m of root!.models!)
    for (const ref of [m.teacher, ...m.files.map((f) => f.deltaOf)])
      if (ref !== undefined && !ids.has(ref)) fail('the id of another entry', ref, m.id);
  return root as Catalogue;
}

/** Classes of a model; 0 where it has none. */
export const labelCount = ({ classes, label_dim }: CatalogueModel): number =>
  classes?.length ?? label_dim ?? 0;

/**
 * Size of a file in bytes; where nobody states it, an estimate from the network's parameters, which are nearly all of
 * a checkpoint. Null where the parameters are not known either.
 */
export function fileSize(model: CatalogueModel): { bytes: number; estimated: boolean } | null {
  const [file] = model.files;
  if (!file) return null;
  if (file.bytes !== null) return { bytes: file.bytes, estimated: false };
  if (!model.parameters) return null;
  return { bytes: model.parameters * (file.dtype === 'f32' ? 4 : 2), estimated: true };
}

/** The entry of that id; a `not-found` error lists what there is. */
export function findModel(catalogue: Catalogue, id: string): CatalogueModel {
  const found = catalogue.models.find((m) => m.id === id);
  if (found) return found;
  throw new InnateError('not-found', 'neither a file nor a model of the catalogue', {
    where: id,
    expected: catalogue.models.map((m) => m.id).join(', ') || 'a file (the catalogue is empty)',
    hint: 'See innate models list',
  });
}
