/** Where files belong that were dropped or chosen. */
export interface SortedFiles {
  checkpoints: File[];
  /** Images, archives of them, and what describes them. */
  data: File[];
  /** Neither, in a sentence; null = everything has its place. */
  refused: string | null;
}

const IMAGE = /\.(png|apng|jpe?g|jpe|jfif|mpo|webp|gif|bmp|dib|tiff?|avif|hei[cf]|jxl)$/i;
/** The labels of a set, which go with its images. */
const BESIDE = /((^|\/)dataset\.json|\.cls)$/i;
const CIFAR = /(^|\/)(data_batch_\d|test_batch)(\.bin)?$/;
const CHECKPOINT = /\.(pkl|pickle|pt|pth|ckpt|bin|safetensors)$/i;
/** What systems leave in folders. */
const LITTER = /(^|\/)(\.[^/]|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i;

const HEAD = 4096;
const TAIL = 65_536;

/**
 * Tells checkpoints from images by content, so that it does not matter where on the page, or under which name, they are
 * dropped. Names decide only for images, of which there may be thousands, and for CIFAR-10's batches, which are pickles.
 */
export async function sortFiles(files: readonly File[]): Promise<SortedFiles> {
  const checkpoints: File[] = [];
  const data: File[] = [];
  const others: File[] = [];
  for (const file of files) {
    const path = file.webkitRelativePath || file.name;
    if (LITTER.test(path)) continue;
    const kind = IMAGE.test(path) || BESIDE.test(path) || CIFAR.test(path) ? 'data' : await kindOf(file);
    if (kind === 'checkpoint') checkpoints.push(file);
    else if (kind === 'data') data.push(file);
    else others.push(file);
  }
  // A folder's readme is no news; of files that were dropped one by one, each gets an answer.
  const named = others.filter(({ webkitRelativePath, name }) => !webkitRelativePath && !name.includes('/'));
  const onlyLabels = data.length > 0 && data.every(({ name }) => BESIDE.test(name));
  const nothing = checkpoints.length === 0 && (data.length === 0 || onlyLabels);
  const refused = nothing ? [...(onlyLabels ? data : []), ...others] : named;
  return {
    checkpoints,
    data: onlyLabels ? [] : data,
    refused: refused.length > 0 || files.length === 0 ? sentence(refused) : nothing ? sentence([]) : null,
  };
}

function sentence(files: readonly File[]): string {
  if (files.length === 0) return 'There are no images and no checkpoint in what was dropped.';
  const [first] = files;
  const what = files.length === 1 ? `${first!.name} is` : `${first!.name} and ${files.length - 1} more are`;
  return `${what} neither images nor a checkpoint: left as ${files.length === 1 ? 'it is' : 'they are'}.`;
}

async function kindOf(file: File): Promise<'checkpoint' | 'data' | null> {
  let head: Uint8Array;
  try {
    head = await bytes(file.slice(0, HEAD));
  } catch {
    return CHECKPOINT.test(file.name) ? 'checkpoint' : null; // whoever opens it says what is wrong
  }
  const text = latin1(head);
  if (text.startsWith('PK')) {
    // PyTorch's archives have a pickle of this name; it stands first, and in the directory at the end.
    const tail = latin1(await bytes(file.slice(Math.max(0, file.size - TAIL))));
    return /data\.pkl/.test(text) || /data\.pkl/.test(tail) ? 'checkpoint' : 'data';
  }
  if (head[8] === 0x7b && head[7] === 0 && head[6] === 0) return 'checkpoint'; // safetensors: a length, a brace
  if (/^(\x89PNG|\xff\xd8\xff|GIF8|BM|RIFF.{4}WEBP|II[*+]|MM\0[*+]|.{4}ftypavi)/s.test(text)) return 'data';
  if (text.startsWith('\x1f\x8b') || text.startsWith('\x93NUMPY') || text.slice(257, 262) === 'ustar')
    return 'data';
  if (head[0] === 0 && head[1] === 0 && head[2] === 8 && head[3]! <= 4) return 'data'; // MNIST's idx
  if (head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5) return 'checkpoint'; // a pickle
  if (CHECKPOINT.test(file.name)) return 'checkpoint';
  return /\.(zip|npz|npy|tar|tgz|gz|zst|7z|rar|xz|bz2|parquet|h5|mat)$/i.test(file.name) ? 'data' : null;
}

const bytes = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.arrayBuffer());

function latin1(data: Uint8Array): string {
  let text = '';
  for (let i = 0; i < data.length; i += 4096) text += String.fromCharCode(...data.subarray(i, i + 4096));
  return text;
}
