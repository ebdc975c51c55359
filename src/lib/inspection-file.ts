import { type InspectionJson, QUANTITIES } from './activations';
import { InnateError } from './errors';

/**
 * Reads the text of a file that `innate inspect` wrote, and checks all of it: what comes from a server may be cut
 * off, of another version, or a page that says that there is no such file. Throws a `bad-file` error that names the
 * field.
 */
export function parseInspection(text: string): InspectionJson {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return damaged('JSON', 'byte 0', text.slice(0, 20));
  }
  const root = record(json, 'the file');
  const sigmas = list(root.sigmas, 'sigmas', (v, at) => positive(v, at));
  if (sigmas.length === 0) damaged('at least one noise level', 'sigmas', sigmas);
  word(root.model, 'model');
  word(root.backend, 'backend');
  word(root.input, 'input');
  positive(root.samples, 'samples');
  positive(root.activeThreshold, 'activeThreshold');
  const names = checkBlocks(root.blocks, 'blocks', sigmas.length);
  if (root.image !== undefined) {
    const { spectrum, samples } = record(root.image, 'image');
    checkLevels(spectrum, 'image.spectrum', sigmas.length);
    if (samples !== undefined) positive(samples, 'image.samples');
  }
  if (root.weights !== undefined)
    for (const [id, sum] of Object.entries(record(root.weights, 'weights'))) word(sum, `weights.${id}`);
  if (root.student !== undefined) checkStudent(record(root.student, 'student'), names, sigmas.length);
  return json as InspectionJson;
}

type Fields = Record<string, unknown>;

function checkBlocks(blocks: unknown, at: string, levels: number): string[] {
  return list(blocks, at, (value, where) => {
    const block = record(value, where);
    checkRow(block, where, levels);
    if (block.parts !== undefined)
      list(block.parts, `${where}.parts`, (part, place) => checkRow(record(part, place), place, levels));
    return block.name as string;
  });
}

function checkRow(row: Fields, at: string, levels: number): void {
  word(row.name, `${at}.name`);
  positive(row.resolution, `${at}.resolution`);
  positive(row.channels, `${at}.channels`);
  for (const quantity of QUANTITIES) {
    const samples = row[`${quantity}PerSample`];
    if (quantity === 'rms' || samples !== undefined)
      checkLevels(samples, `${at}.${quantity}PerSample`, levels);
  }
  if (row.spectrum !== undefined) checkLevels(row.spectrum, `${at}.spectrum`, levels);
}

function checkStudent(student: Fields, names: readonly string[], levels: number): void {
  word(student.model, 'student.model');
  positive(student.sigma, 'student.sigma');
  const own = checkBlocks(student.blocks, 'student.blocks', 1);
  if (own.join() !== names.join()) damaged('the blocks of the teacher', 'student.blocks', own);
  const likeness = record(student.likeness, 'student.likeness');
  number(likeness.examples, 'student.likeness.examples');
  const cka = list(likeness.cka, 'student.likeness.cka', (block, at) => {
    const values = list(block, at, (v, place) => (v === null ? null : number(v, place)));
    if (values.length !== levels) damaged(`${levels} noise levels`, at, values.length);
  });
  if (cka.length !== names.length) damaged(`${names.length} blocks`, 'student.likeness.cka', cka.length);
  list(student.layers, 'student.layers', (value, at) => {
    const layer = record(value, at);
    word(layer.name, `${at}.name`);
    number(layer.parameters, `${at}.parameters`);
    number(layer.norm, `${at}.norm`);
    if (layer.change !== null) number(layer.change, `${at}.change`);
    if (typeof layer.frozen !== 'boolean') damaged('true or false', `${at}.frozen`, layer.frozen);
  });
}

/** [levels][...] of numbers. */
function checkLevels(value: unknown, at: string, levels: number): void {
  const found = list(value, at, (numbers, place) => list(numbers, place, number));
  if (found.length !== levels) damaged(`${levels} noise levels`, at, found.length);
}

function record(value: unknown, at: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  return damaged('an object', at, value);
}

function list<T>(value: unknown, at: string, read: (value: unknown, at: string) => T): T[] {
  return Array.isArray(value)
    ? value.map((item, i) => read(item, `${at}[${i}]`))
    : damaged('a list', at, value);
}

function word(value: unknown, at: string): void {
  if (typeof value !== 'string' || value === '') damaged('text', at, value);
}

const number = (value: unknown, at: string): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : damaged('a number', at, value);

function positive(value: unknown, at: string): number {
  const found = number(value, at);
  return found > 0 ? found : damaged('a number above 0', at, value);
}

function damaged(expected: string, where: string, found: unknown): never {
  throw new InnateError('bad-file', 'the measurement of the layers is damaged', {
    where,
    expected,
    found: String(JSON.stringify(found)).slice(0, 60),
  });
}
