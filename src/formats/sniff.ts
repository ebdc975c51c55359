import { badFile, InnateError } from '../lib/errors';
import { isSafetensors } from './safetensors';
import type { Source } from './source';
import { latin1 } from './text';
import { endsAsZip } from './zip';

export type Container = 'safetensors' | 'zip' | 'pickle';

const UNPACK = 'Unpack it and open the checkpoint inside';
const OPEN = 'Open a checkpoint (.pkl, .pt or .safetensors)';

/** Files that people drop by mistake, by their first bytes: what to call them and what to do. */
const MISTAKES: readonly (readonly [string | RegExp, string, string])[] = [
  [
    'version https://git-lfs',
    'a Git LFS pointer, not the file itself',
    'Run git lfs pull, or download the file from its page',
  ],
  [
    /^(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml)/i,
    'a web page, not a checkpoint',
    'The link led to a page: open it in a browser and download the file from there',
  ],
  ['\x1f\x8b', 'a gzip archive', UNPACK],
  ['7z\xbc\xaf\x27\x1c', 'a 7-Zip archive', UNPACK],
  ['Rar!', 'a RAR archive', UNPACK],
  ['BZh', 'a bzip2 archive', UNPACK],
  ['\xfd7zXZ', 'an xz archive', UNPACK],
  ['\x28\xb5\x2f\xfd', 'a zstd archive', UNPACK],
  ['\x89HDF', 'an HDF5 file (Keras or MATLAB)', 'Convert it to safetensors'],
  ['GGUF', 'a GGUF language model', OPEN],
  ['\x89PNG', 'a PNG image', OPEN],
  ['\xff\xd8\xff', 'a JPEG image', OPEN],
  ['\x93NUMPY', 'a numpy array', OPEN],
  ['%PDF', 'a PDF document', OPEN],
  ['RIFF', 'a sound, video or WebP file', OPEN],
  ['MZ', 'a program', OPEN],
  ['\x7fELF', 'a program', OPEN],
  [/^\s*[{[]\s*"/, 'a JSON text', 'Open the checkpoint that it describes'],
];

/** Members of the ancient torch format (before 0.1.10), a tar. */
const TORCH_TAR = ['sys_info', 'pickle', 'tensors', 'storages'];

/**
 * What kind of file this is, by content and never by name. Throws an InnateError that says what a file that is
 * no checkpoint seems to be.
 */
export function sniff(source: Source): Container {
  const where = source.name;
  if (source.size === 0)
    throw badFile('the file is empty', { where, hint: 'The download failed or has not finished: try again' });
  const bytes = source.read(0, Math.min(512, source.size));
  const head = latin1(bytes);
  if (isSafetensors(source)) return 'safetensors';
  const zipHead = head.startsWith('PK\x03\x04') || head.startsWith('PK\x05\x06');
  // Bytes in front of an archive do not hide it; a pickle of protocol 2 or newer may hold one, but is none.
  if (zipHead || (bytes[0] !== 0x80 && endsAsZip(source))) return 'zip';
  for (const [pattern, found, hint] of MISTAKES)
    if (typeof pattern === 'string' ? head.startsWith(pattern) : pattern.test(head))
      throw badFile('not a checkpoint', { where, found, hint });
  const member = head.slice(0, 100).split('\0', 1)[0]!.replace(/^\.\//, '');
  if (head.length === 512 && TORCH_TAR.includes(member))
    throw new InnateError('unsupported', 'the tar format of PyTorch before 0.1.10', {
      where,
      hint: 'Load the file in PyTorch and save it again',
    });
  if (head.slice(257, 262) === 'ustar')
    throw badFile('not a checkpoint', { where, found: 'a tar archive', hint: UNPACK });
  // Protocols 2 to 5 say so; protocols 0 and 1 begin with a mark, a global, an empty or marked container, or the
  // long number that opens a torch file.
  if ((bytes[0] === 0x80 && bytes[1]! <= 5) || /^([(c\]}l]|L\d+L?\n)/.test(head)) return 'pickle';
  if (bytes.every((b) => b === 0))
    throw badFile('the file holds only zeros', { where, hint: 'The download has not finished: try again' });
  throw badFile('not a checkpoint of a known kind', {
    where,
    expected: 'a pickle (.pkl), a torch file (.pt) or a safetensors file',
    found: `bytes ${[...bytes.subarray(0, 8)].map((b) => b.toString(16).padStart(2, '0')).join(' ')}`,
  });
}
