import { existsSync } from 'node:fs';
import { InnateError } from '../src/lib/errors';
import { ROW_FORMS, type RowSpec, readRowSpec } from '../src/lib/row-spec';
import { readCatalogue } from './catalogue';

/**
 * MODEL of `innate compare`, with how its images are made behind an @. A file is a file, whatever its name holds; a
 * setting that cannot be read is said to be one.
 */
export function rowArgument(text: string): RowSpec {
  if (existsSync(text)) return { model: text, sampler: null, steps: null, sigma: null };
  const row = readRowSpec(text);
  const at = text.lastIndexOf('@');
  const name = at < 0 ? text : text.slice(0, at);
  if (row && (row.model !== text || at < 0 || !isModel(name))) return row;
  throw new InnateError('bad-argument', 'cannot read how the images of a row are made', {
    where: text,
    expected: ROW_FORMS,
    found: text.slice(at + 1),
  });
}

const isModel = (name: string): boolean =>
  existsSync(name) || readCatalogue().models.some((entry) => entry.id === name);
