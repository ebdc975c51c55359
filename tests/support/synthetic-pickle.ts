import type { NetworkConfig } from '../../src/nn/config';
import { parameterSpecs } from '../../src/nn/parameters';

/**
 * A pickle with a network's tensors as official checkpoints hold them (each a torch file of its own inside of
 * torch.storage._load_from_bytes, float32), a piece at a time: a file of 1.2 GB costs no memory to write. Values are
 * cheap to make, small, and differ from tensor to tensor.
 */
export function* syntheticPickle({ unet }: NetworkConfig): Generator<Uint8Array> {
  yield bytes(0x80, 4, EMPTY_DICT, text('ema'), EMPTY_DICT);
  let seed = 1;
  for (const { name, shape } of parameterSpecs(unet)) {
    const values = weights(
      shape.reduce((a, b) => a * b, 1),
      seed++,
    );
    const storage = torchFile(values);
    yield bytes(
      ...[text(name), global('torch._utils', '_rebuild_tensor_v2'), MARK],
      ...[
        global('torch.storage', '_load_from_bytes'),
        BINBYTES8,
        u64(storage.header.length + values.byteLength),
      ],
      storage.header,
    );
    yield new Uint8Array(values.buffer);
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
    yield bytes(
      ...[TUPLE1, REDUCE, int(0), tuple(shape), tuple(strides), NEWFALSE],
      ...[global('collections', 'OrderedDict'), EMPTY_TUPLE, REDUCE, TUPLE, REDUCE, SETITEM],
    );
  }
  yield bytes(SETITEM, STOP);
}

/** Opcodes of Python's pickletools. */
const [MARK, STOP, REDUCE, TUPLE, SETITEM] = [0x28, 0x2e, 0x52, 0x74, 0x73];
const [EMPTY_DICT, EMPTY_TUPLE, EMPTY_LIST, APPEND] = [0x7d, 0x29, 0x5d, 0x61];
const [TUPLE1, NEWFALSE, NONE, BINBYTES8, BINPERSID] = [0x85, 0x89, 0x4e, 0x8e, 0x51];

function bytes(...parts: (number | Uint8Array)[]): Uint8Array {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : part)));
}

const text = (value: string) => bytes(0x58, u32(value.length), Buffer.from(value));
const global = (module: string, name: string) => bytes(0x63, Buffer.from(`${module}\n${name}\n`));
const int = (value: number) => bytes(0x4a, u32(value));
const tuple = (values: readonly number[]) => bytes(MARK, ...values.map(int), TUPLE);

function u32(value: number): Uint8Array {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

function u64(value: number): Uint8Array {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}

/** What torch.save of before zip archives puts in front of one storage's values. */
function torchFile(values: Float32Array): { header: Uint8Array } {
  const magic = bytes(0x8a, 10, Buffer.from('1950a86a20f9469cfc6c', 'hex').reverse());
  const key = text('0');
  const id = bytes(MARK, text('storage'), global('torch', 'FloatStorage'), key, text('cpu'));
  const pickles = [
    magic,
    int(1001),
    bytes(EMPTY_DICT),
    bytes(id, int(values.length), NONE, TUPLE, BINPERSID),
    bytes(EMPTY_LIST, key, APPEND),
  ];
  return { header: bytes(...pickles.flatMap((p) => [bytes(0x80, 2), p, STOP]), u64(values.length)) };
}

/** Uniform in [-0.05, 0.05]: a linear congruential generator, which takes two seconds for 300 million. */
function weights(count: number, seed: number): Float32Array {
  const out = new Float32Array(count);
  let state = Math.imul(seed, 0x9e3779b1);
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    out[i] = state * (0.05 / 2 ** 31);
  }
  return out;
}
