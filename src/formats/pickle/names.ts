import { BUILTINS, CODECS, COLLECTIONS, COPYREG } from './builtins';
import { NUMPY, NUMPY_CORE } from './numpy';
import type { Behaviour, Names } from './values';

/** A table of names by module. */
export type NameTable = Map<string, Behaviour>;

const key = (module: string, name: string) => `${module}\n${name}`;

export function addNames(table: NameTable, module: string, names: Record<string, Behaviour>): void {
  for (const [name, behaviour] of Object.entries(names)) table.set(key(module, name), behaviour);
}

/** A lookup in `table`; `otherwise` is asked for what is not there. */
export const namesOf =
  (table: NameTable, otherwise: Names = () => null): Names =>
  (module, name) =>
    // A line break could move the border between the two.
    (module.includes('\n') || name.includes('\n') ? null : table.get(key(module, name))) ??
    otherwise(module, name);

const table: NameTable = new Map();
for (const module of ['builtins', '__builtin__']) addNames(table, module, BUILTINS);
for (const module of ['copyreg', 'copy_reg']) addNames(table, module, COPYREG);
addNames(table, 'collections', COLLECTIONS);
addNames(table, '_codecs', CODECS);
addNames(table, 'numpy', NUMPY);
for (const core of ['numpy.core', 'numpy._core'])
  for (const [path, behaviour] of Object.entries(NUMPY_CORE)) {
    const [module, name] = path.split('.') as [string, string];
    addNames(table, `${core}.${module}`, { [name]: behaviour });
  }

/**
 * The names of Python and numpy that mean data: containers, numbers, arrays. What a name does here is ours;
 * Python code is never imported, evaluated or looked at. A name outside of the table becomes a placeholder.
 */
export const PICKLE_NAMES: Names = namesOf(table);
