import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Model, OpenModelOptions } from '../src/engine/models/model';
import { openModel } from '../src/engine/models/open-model';
import { withSynonyms } from '../src/lib/class-names';
import { InnateError } from '../src/lib/errors';
import {
  type Catalogue,
  type CatalogueModel,
  entryOfLikeClasses,
  findModel,
  labelCount,
  listedClasses,
  parseCatalogue,
  parseClassNames,
  statedSampling,
} from '../src/storage/catalogue';
import { FetchedModels } from './fetched/cache';
import { fileSource, sha256OfFile } from './files';

/** public/models of the package, found from the source tree and from the bundle alike. */
export function modelsFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'public/models/index.json'))) return join(folder, 'public/models');
    if (folder === dirname(folder))
      throw new InnateError('not-found', 'the model catalogue is missing', {
        where: 'public/models/index.json',
        hint: 'Run innate from a complete checkout',
      });
  }
}

/** The catalogue that comes with the program. Throws `bad-file` with entry and field where it is damaged. */
export function readCatalogue(): Catalogue {
  const path = join(modelsFolder(), 'index.json');
  return parseCatalogue(readFileSync(path, 'utf8'), path);
}

export interface OpenedModel extends Model {
  /** Catalogue id, or the file's name. */
  id: string;
  classes: readonly string[] | null;
  /** All names of each class, the one in `classes` first; null where there are no others. */
  synonyms: readonly (readonly string[])[] | null;
  path: string;
}

/** What a person says about a file beside its name. */
export type FileOptions = Pick<OpenModelOptions, 'precond' | 'entry' | 'sigma' | 'sigmaMid'>;

/** MODEL of the command line: a file, or an id of the catalogue. */
export function openModelArgument(argument: string, how: FileOptions = {}): OpenedModel {
  if (existsSync(argument)) {
    const model = openFile(argument, how);
    return { ...model, id: argument, ...classesOfFile(model), path: argument };
  }
  if (/[/\\]|\.(pkl|pickle|pt|pth|bin|ckpt|safetensors)$/i.test(argument))
    throw new InnateError('not-found', 'no such file', { where: argument });
  const entry = findModel(readCatalogue(), argument);
  const path = pathOf(entry);
  const model = openFile(path, { ...statedSampling(entry), ...how });
  return { ...model, id: entry.id, ...classesOf(entry), path };
}

type Classes = Pick<OpenedModel, 'classes' | 'synonyms'>;

function classesOf(entry: CatalogueModel): Classes {
  if (typeof entry.classes !== 'string') return { classes: listedClasses(entry), synonyms: null };
  const { names, synonyms } = withSynonyms(readClassNames(entry.classes, labelCount(entry)));
  return { classes: names, synonyms };
}

/** A checkpoint does not name its classes: those of ImageNet are known by their number. */
function classesOfFile({ config: { unet } }: Model): Classes {
  const entry =
    unet.labelDim > 0 ? entryOfLikeClasses(readCatalogue(), unet.labelDim, unet.imgResolution) : null;
  return entry ? classesOf(entry) : { classes: null, synonyms: null };
}

/** The lists of names of a file beside the catalogue, one a class. */
export function readClassNames(path: string, count: number): string[][] {
  const full = join(modelsFolder(), path);
  if (!existsSync(full))
    throw new InnateError('not-found', 'the list of class names is missing', { where: full });
  return parseClassNames(readFileSync(full, 'utf8'), count, full);
}

function openFile(path: string, how: FileOptions): Model {
  return openModel(fileSource(path), {
    ...how,
    openBase: ({ of, sha256 }) => {
      const base = basePath(of, path);
      if (sha256 !== null && sha256 !== sha256OfFile(base))
        throw new InnateError('mismatch', 'the teacher beside this student is not the one it was made with', {
          where: base,
          expected: `sha256 ${sha256.slice(0, 12)}...`,
          found: `${sha256OfFile(base).slice(0, 12)}...`,
        });
      return openModel(fileSource(base));
    },
  });
}

/** The teacher of a delta: a catalogue id, else a file of that name beside the student, with or without its ending. */
function basePath(of: string, studentPath: string): string {
  const entry = readCatalogue().models.find((m) => m.id === of && m.kind === 'shipped');
  if (entry) return pathOf(entry);
  const named = /[/\\]/.test(of) ? [] : [of, `${of}.safetensors`];
  const beside = named.map((name) => join(dirname(studentPath), name)).find(existsSync);
  if (beside) return beside;
  throw new InnateError('not-found', 'the teacher of this student is missing', {
    where: studentPath,
    expected: `a catalogue model or a file beside it named ${of}`,
  });
}

/** The file of an entry: shipped with the project, or fetched before. */
function pathOf(entry: CatalogueModel): string {
  const shipped = entry.files.find((f) => f.path !== undefined)?.path;
  if (shipped !== undefined) return join(modelsFolder(), shipped);
  const fetched = new FetchedModels().find(entry.id);
  if (fetched) return fetched.path;
  throw new InnateError('not-found', 'this model is not on this machine yet', {
    where: entry.id,
    hint:
      entry.kind === 'official'
        ? `Run innate models fetch ${entry.id}`
        : `Download it from ${entry.files[0]?.url ?? 'its authors'}, and run innate models fetch ${entry.id} --from FILE`,
  });
}
