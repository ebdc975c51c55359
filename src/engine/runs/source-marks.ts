import type { Dataset } from '../../data';
import type { RunMeta, SourceMarks } from '../../distil/state';
import { crc32 } from '../../formats/crc32';
import { InnateError } from '../../lib/errors';
import { counted } from '../../lib/words';
import { parameterSpecs } from '../../nn/parameters';
import type { WeightSource } from '../../nn/weights';
import type { Model } from '../models/model';

/** Values of a tensor that is read for a mark, at most: norms, biases and small layers, which every network has. */
const SMALL = 4096;
/** Images that are read for a mark, spread over the set. */
const LOOKS = 16;

type Network = Pick<Model, 'config' | 'weights'>;

/**
 * What a run is made of, told apart by content: names, shapes and the small tensors of its networks, the number of
 * images and the pixels of some of them. It costs the reading of a few hundred kilobytes and of sixteen images.
 */
export async function sourceMarks({
  teacher,
  student,
  data,
}: {
  teacher: Network;
  student?: Network | undefined;
  data: Dataset;
}): Promise<SourceMarks> {
  return {
    teacher: networkMark(teacher),
    student: student ? networkMark(student) : null,
    data: { images: data.size, labelDim: data.labelDim, content: await dataMark(data) },
  };
}

/**
 * Throws a `mismatch` error where a saved run was made of something else: it would go on, but as another run. States
 * of earlier versions, which do not say what they were made of, pass.
 */
export function checkMarks(
  { marks, command = {} }: Pick<RunMeta, 'marks' | 'command'>,
  found: SourceMarks,
): void {
  if (!marks) return;
  const other = (what: string, option: string, expected: string, is: string) =>
    new InnateError('mismatch', `the saved run had ${what}`, {
      expected,
      found: is,
      hint: `Go on with what it began with${command[option] ? `: ${command[option]}` : ''}`,
    });
  if (marks.teacher !== found.teacher)
    throw other('another teacher', 'teacher', marks.teacher, found.teacher);
  if (marks.student !== found.student)
    throw other(
      marks.student === null ? 'no student to begin from' : 'another student to begin from',
      'student',
      marks.student ?? 'none',
      found.student ?? 'none',
    );
  const [was, is] = [marks.data, found.data];
  if (was.images !== is.images || was.labelDim !== is.labelDim || was.content !== is.content)
    throw other('other images', 'data', inWords(was), inWords(is));
}

const inWords = ({ images, labelDim, content }: SourceMarks['data']): string =>
  `${counted(images, 'image')}${labelDim > 0 ? ` of ${counted(labelDim, 'class', 'classes')}` : ''}, content ${content}`;

const known = new WeakMap<WeightSource, string>();

/**
 * The mark of a network; found once for each source of weights. Its parameters alone count: a file may hold other
 * tensors beside them, and a copy of it leaves those out, and buffers that follow from the architecture.
 */
function networkMark({ config, weights }: Network): string {
  let mark = known.get(weights);
  if (mark === undefined) {
    let sum = 0;
    for (const { name, buffer } of parameterSpecs(config.unet)) {
      const shape = weights.shape(name);
      if (!shape || buffer) continue;
      sum = crc32(text(`${name} ${shape.join(' ')};`), sum);
      if (shape.reduce((a, b) => a * b, 1) <= SMALL) sum = crc32(bytes(weights.read(name)), sum);
    }
    mark = hex(sum);
    known.set(weights, mark);
  }
  return mark;
}

async function dataMark(data: Dataset): Promise<string> {
  let sum = 0;
  const looks = Math.min(LOOKS, data.size);
  for (let k = 0; k < looks; k++) {
    const sample = await data.read(Math.floor((k * data.size) / looks));
    sum = crc32(text(sample ? `${sample.label};` : 'unreadable;'), sum);
    if (sample) sum = crc32(sample.pixels, sum);
  }
  return hex(sum);
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const bytes = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const hex = (sum: number): string => (sum >>> 0).toString(16).padStart(8, '0');
