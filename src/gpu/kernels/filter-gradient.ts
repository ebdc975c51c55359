import type { KernelTraits } from '../traits';
import { type Kernel, kernel, repeat, unitSize } from './kernel';
import { memoised } from './memoise';
import type { TileSize } from './tile';

/**
 * Gradient of a convolution in its filter: out[split][tap][i][o] = sum over the split's pixels of
 * x[pixel times the stride, moved by the tap][i] * dy[pixel][o]. Rows are input channels, columns output channels, the depth is the
 * pixels, walked line by line so that borders are a matter of where a line begins. A workgroup has one tap and
 * every `splits`-th line.
 */
export interface FilterGradient {
  kernel: Kernel;
  /** Input channels (rows) and output channels (columns) that a workgroup covers. */
  size: TileSize;
  /** Channels per index unit. */
  unit: 1 | 4;
}

/** Channels in units; `lines` is images times output height; `accumulate`: it is added to what `out` holds. */
const UNIFORMS = [
  'inChannels',
  'outChannels',
  'kernel',
  'taps',
  'stride',
  'pad',
  'inHeight',
  'inWidth',
  'outHeight',
  'outWidth',
  'lines',
  'splits',
  'accumulate',
] as const;

/** The kernel of a filter's gradient; the same object for equal traits. */
export const filterGradient = memoised(
  ({ tile, unit }: Pick<KernelTraits, 'tile' | 'unit'>): FilterGradient => {
    const form = tile.kind === 'subgroup' ? bySubgroup(tile.lanes) : byRegisters();
    return {
      kernel: kernel({
        name: `filter gradient ${tile.kind === 'subgroup' ? 'subgroup' : 'register'}`,
        bindings: { x: unit, dy: unit, out: unit },
        uniforms: UNIFORMS,
        directives: tile.kind === 'subgroup' ? 'enable subgroups;' : '',
        body: form.body,
      }),
      size: form.size,
      unit: unitSize(unit),
    };
  },
);

/** The lines of a tap and split; `inner` runs once a pixel with `at` in x and `to` in dy, in units. */
const walk = (inner: string) => `
  let tap = group.z % u.taps;
  let split = group.z / u.taps;
  let moveY = i32(tap / u.kernel) - i32(u.pad);
  let moveX = i32(tap % u.kernel) - i32(u.pad);
  let stride = i32(u.stride);
  let first = max(0, (stride - 1 - moveX) / stride);
  let last = min(i32(u.outWidth), (i32(u.inWidth) - moveX + stride - 1) / stride);
  for (var line = split; line < u.lines; line += u.splits) {
    let y = i32(line % u.outHeight) * stride + moveY;
    if (y < 0 || y >= i32(u.inHeight)) { continue; }
    var at = u32((i32(line / u.outHeight) * i32(u.inHeight) + y) * i32(u.inWidth) + first * stride + moveX) * u.inChannels;
    var to = (line * u.outWidth + u32(first)) * u.outChannels;
    for (var p = first; p < last; p++) {
      ${inner}
      at += u.stride * u.inChannels;
      to += u.outChannels;
    }
  }`;

/** 16 input channels, broadcast, by two columns a lane: the subgroup tile of `contraction.ts`, transposed. */
function bySubgroup(lanes: number) {
  const [rows, vectors] = [16, 2];
  const loads = Math.max(1, rows / lanes);
  const each = (f: (i: number, j: number) => string) =>
    repeat(rows, (i) => repeat(vectors, (j) => f(i, j), ' '));
  return {
    size: { rows, columns: lanes * vectors },
    body: `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let m0 = group.y * ${rows}u;
  ${repeat(loads, (l) => `let i${l} = min(m0 + ${l * lanes}u + lane, u.inChannels - 1u);`)}
  ${repeat(vectors, (j) => `let n${j} = group.x * ${lanes * vectors}u + ${j * lanes}u + lane; let o${j} = min(n${j}, u.outChannels - 1u);`)}
  ${each((i, j) => `var c${i}_${j} = 0.0;`)}
  ${walk(`
      ${repeat(loads, (l) => `let a${l} = x[at + i${l}];`)}
      ${repeat(vectors, (j) => `let b${j} = dy[to + o${j}];`)}
      ${repeat(rows, (i) => `{ let s = subgroupBroadcast(a${Math.floor(i / lanes)}, ${i % lanes}u); ${repeat(vectors, (j) => `c${i}_${j} = fma(s, b${j}, c${i}_${j});`, ' ')} }`)}`)}
  var v: array<f32, ${rows * vectors}>;
  ${each((i, j) => `v[${i * vectors + j}] = c${i}_${j};`)}
  let columns = array<u32, ${vectors}>(${repeat(vectors, (j) => `n${j}`, ', ')});
  for (var i = 0u; i < ${rows}u && m0 + i < u.inChannels; i++) {
    for (var j = 0u; j < ${vectors}u; j++) {
      if (columns[j] < u.outChannels) {
        let at = (group.z * u.inChannels + m0 + i) * u.outChannels + columns[j];
        out[at] = v[i * ${vectors}u + j] + select(0.0, out[at], u.accumulate != 0u);
      }
    }
  }
}`,
  };
}

/** Every thread keeps 8 input by 8 output channels; the rows of an output are its four-channel groups' members. */
function byRegisters() {
  const [side, rows, vectors] = [8, 2, 2];
  const each = (f: (i: number, k: number, j: number) => string) =>
    repeat(rows, (i) => repeat(4, (k) => repeat(vectors, (j) => f(i, k, j), ' ')));
  return {
    size: { rows: 4 * rows * side, columns: 4 * vectors * side },
    body: `
@compute @workgroup_size(${side}, ${side})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  ${repeat(rows, (i) => `let m${i} = group.y * ${rows * side}u + ${i * side}u + local.y; let i${i} = min(m${i}, u.inChannels - 1u);`)}
  ${repeat(vectors, (j) => `let n${j} = group.x * ${vectors * side}u + ${j * side}u + local.x; let o${j} = min(n${j}, u.outChannels - 1u);`)}
  ${each((i, k, j) => `var c${i}_${k}_${j} = vec4f();`)}
  ${walk(`
      ${repeat(rows, (i) => `let a${i} = x[at + i${i}];`)}
      ${repeat(vectors, (j) => `let b${j} = dy[to + o${j}];`)}
      ${each((i, k, j) => `c${i}_${k}_${j} = fma(vec4f(a${i}.${'xyzw'[k]}), b${j}, c${i}_${k}_${j});`)}`)}
  var v: array<vec4f, ${4 * rows * vectors}>;
  ${each((i, k, j) => `v[${(i * 4 + k) * vectors + j}] = c${i}_${k}_${j};`)}
  let places = array<u32, ${rows}>(${repeat(rows, (i) => `m${i}`, ', ')});
  let columns = array<u32, ${vectors}>(${repeat(vectors, (j) => `n${j}`, ', ')});
  for (var i = 0u; i < ${4 * rows}u; i++) {
    if (places[i / 4u] >= u.inChannels) { continue; }
    for (var j = 0u; j < ${vectors}u; j++) {
      if (columns[j] < u.outChannels) {
        let at = (group.z * 4u * u.inChannels + 4u * places[i / 4u] + i % 4u) * u.outChannels + columns[j];
        out[at] = v[i * ${vectors}u + j] + select(vec4f(), out[at], u.accumulate != 0u);
      }
    }
  }
}`,
  };
}

/** Workgroups that keep an adapter busy, and the most memory that partial sums may take. */
const BUSY = { software: 6, hardware: 512 };
const PARTIAL_BYTES = 2 ** 26;

/** Into how many parts the pixels are divided: `tiles` workgroups have one each of the filter's `values`. */
export function filterSplits(software: boolean, tiles: number, values: number, lines: number): number {
  const wanted = Math.ceil((software ? BUSY.software : BUSY.hardware) / tiles);
  return Math.max(1, Math.min(wanted, lines, Math.floor(PARTIAL_BYTES / (4 * values))));
}
