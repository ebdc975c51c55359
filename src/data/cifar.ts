import { KNOWN_NAMES } from '../formats/known-names';
import { ByteReader } from '../formats/pickle/reader';
import { unpickle } from '../formats/pickle/unpickle';
import { NumpyArray, type Py } from '../formats/pickle/values';
import { bufferSource, type Source } from '../formats/source';
import { isRowMajor } from '../formats/tensor';
import { latin1Bytes, quote } from '../formats/text';
import { badFile, InnateError } from '../lib/errors';
import { ArraySet, type PixelBlock } from './array-set';
import type { BaseSet } from './base-set';
import { labelsFrom } from './labels';
import { byName } from './names';
import type { TarMember } from './tar';

/** 32 x 32, all red, then all green, then all blue. */
const PIXELS = 3072;
const LAYOUT = { width: 32, height: 32, channels: 3, planar: true } as const;
const CLASSES = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');

/** Classes of CIFAR-100: its labels are the fine ones; each record of its binary form has the coarse one before. */
const FINE_CLASSES = 100;

/** The archives hold 186 MB. */
const MAX_KEPT = 256 * 2 ** 20;

type Split = 'train' | 'test';

/** data_batch_1 of the Python version, data_batch_1.bin of the binary one; CIFAR-100's by their folder. */
const MEMBER: Record<Split, RegExp> = {
  train: /(^|\/)(data_batch_\d(\.bin)?|cifar-100-(python\/train|binary\/train\.bin))$/,
  test: /(^|\/)(test_batch(\.bin)?|cifar-100-(python\/test|binary\/test\.bin))$/,
};
const OF_100 = /(^|\/)cifar-100-/;

/** Whether a file's name is one of CIFAR-10's or CIFAR-100's batches, packed or not. */
export const isCifarBatch = (name: string): boolean => MEMBER.train.test(name) || MEMBER.test.test(name);

/** The batches as loose files, from an archive that has been unpacked. */
export function cifarBatches(sources: readonly Source[], split: Split): BaseSet {
  return cifarMembers(
    sources.some(({ name }) => OF_100.test(name)) ? 'CIFAR-100' : 'CIFAR-10',
    sources,
    split,
  );
}

/** CIFAR-10, or CIFAR-100, from the files of its archive: cifar-10-python.tar.gz, cifar-10-binary.tar.gz, or the tar of one. */
export function cifarMembers(name: string, files: readonly Source[], split: Split): BaseSet {
  const wanted = files.filter((file) => MEMBER[split].test(file.name)).sort(byName);
  const total = wanted.reduce((sum, { size }) => sum + size, 0);
  if (total > MAX_KEPT)
    throw new InnateError('refused', 'the batches are larger than CIFAR-10', { found: `${total} bytes` });
  if (wanted.length === 0)
    throw badFile('the archive lacks a part of CIFAR-10', {
      where: name,
      expected: split === 'train' ? 'data_batch_1 and so on' : 'test_batch',
      hint: 'Open cifar-10-python.tar.gz or cifar-10-binary.tar.gz',
    });
  const batches = wanted.map((file) => {
    const member = { name: file.name, data: file.read(0, file.size) };
    return member.name.endsWith('.bin') ? binaryBatch(member, name) : pythonBatch(member, name);
  });
  const labels = new Int32Array(batches.reduce((sum, batch) => sum + batch.count, 0));
  let at = 0;
  for (const batch of batches) {
    labels.set(batch.labels, at);
    at += batch.count;
  }
  const of100 = wanted.some((file) => OF_100.test(file.name));
  const classes = of100 ? labelsFrom(labels, null, name, FINE_CLASSES) : labelsFrom(labels, CLASSES, name);
  return new ArraySet(name, batches, LAYOUT, classes);
}

type Batch = PixelBlock & { readonly labels: Int32Array };

/** Records of a label, or two, and its pixels. */
function binaryBatch({ name, data }: TarMember, archive: string): Batch {
  const head = OF_100.test(name) ? 2 : 1;
  const record = head + PIXELS;
  const where = `${archive}, ${quote(name)}`;
  if (data.length === 0 || data.length % record !== 0)
    throw badFile('a batch is not a whole number of images', { where, found: `${data.length} bytes` });
  const count = data.length / record;
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) labels[i] = data[i * record + head - 1]!;
  checkLabels(labels, classesOf(name), where);
  return { count, labels, pixels: (i) => data.subarray(i * record + head, (i + 1) * record) };
}

/** A pickled dict of an array and a list, read as data by the machine that reads checkpoints. */
function pythonBatch({ name, data }: TarMember, archive: string): Batch {
  const where = `${archive}, ${quote(name)}`;
  const dict = unpickle(new ByteReader(bufferSource(data, where)), { names: KNOWN_NAMES });
  const array = entry(dict, 'data');
  const list = entry(dict, OF_100.test(name) ? 'fine_labels' : 'labels');
  const tensor = array instanceof NumpyArray ? array.tensor : null;
  if (!tensor || !Array.isArray(list))
    throw badFile('a batch has no images or labels', { where, expected: 'the entries data and labels' });
  const [count = 0, size] = tensor.shape;
  const plain = tensor.dtype === 'u8' && (!tensor.strides || isRowMajor(tensor.shape, tensor.strides));
  if (!plain || tensor.shape.length !== 2 || size !== PIXELS || list.length !== count)
    throw badFile('a batch is not in the format of CIFAR-10', {
      where,
      expected: `uint8 [N, ${PIXELS}] and N labels`,
      found: `${tensor.dtype} [${tensor.shape.join(', ')}] and ${list.length}`,
    });
  const labels = Int32Array.from(list, (label) => (typeof label === 'number' ? label : -1));
  checkLabels(labels, classesOf(name), where);
  const { source, byteOffset } = tensor;
  return { count, labels, pixels: (i) => source.read(byteOffset + i * PIXELS, PIXELS) };
}

/** A key that is bytes in one Python and text in the other. */
function entry(dict: Py, key: string): Py | undefined {
  if (!(dict instanceof Map)) return undefined;
  const exact = dict.get(key);
  if (exact !== undefined) return exact;
  const wanted = latin1Bytes(key)!;
  for (const [k, value] of dict)
    if (k instanceof Uint8Array && k.length === wanted.length && k.every((b, i) => b === wanted[i]))
      return value;
  return undefined;
}

const classesOf = (name: string) => (OF_100.test(name) ? FINE_CLASSES : CLASSES.length);

function checkLabels(labels: Int32Array, classes: number, where: string): void {
  const wrong = labels.findIndex((label) => !(label >= 0 && label < classes));
  if (wrong >= 0)
    throw badFile('a label is not one of the classes', {
      where,
      expected: `0 to ${classes - 1}`,
      found: `${labels[wrong]} of image ${wrong}`,
    });
}
