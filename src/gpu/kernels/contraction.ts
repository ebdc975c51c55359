import { endBindings, endCode, endName } from './activation';
import { EPILOGUE_UNIFORMS, epilogueBindings, epilogueCode } from './epilogue';
import { type Kernel, kernel, unitSize } from './kernel';
import { memoised } from './memoise';
import { prologueBindings, prologueCode, prologueName } from './prologue';
import type { ContractionMode, ContractionOptions, TileParts, TileSize } from './tile';
import { registerTile } from './tile-register';
import { sharedTile } from './tile-shared';
import { subgroupTile } from './tile-subgroup';

export interface Contraction {
  kernel: Kernel;
  size: TileSize;
  /** Channels per index unit: uniforms that count channels are divided by it. */
  unit: 1 | 4;
}

/**
 * The kernel of a matrix product, the same object for equal options. The one generator of them: out[row][column] = sum
 * over taps and depth of A * B, with what follows a convolution done in the same pass. Rows are pixels, columns output
 * channels.
 */
export const contraction = memoised((options: ContractionOptions): Contraction => {
  const { tile, mode, weights, sources, prologue, narrow, end = {} } = options;
  const unit = tile.kind === 'subgroup' ? 'f32' : 'vec4f';
  const parts: TileParts = { ...options, unit };
  const code =
    tile.kind === 'subgroup'
      ? subgroupTile(parts, tile.lanes)
      : tile.kind === 'register'
        ? registerTile(parts, tile)
        : sharedTile(parts, tile);
  const packed = unit === 'f32' ? 'u32' : 'vec4u';
  const name = [
    tile.kind,
    mode,
    weights,
    sources === 2 && 'joined',
    prologue && `prepared${prologueName(prologue)}`,
    narrow && 'narrow',
    endName(end),
    tile.kind === 'shared' && tile.arithmetic === 'f16' && 'in halves',
  ];
  return {
    kernel: kernel({
      name: name.filter(Boolean).join(' '),
      bindings: {
        a: unit,
        ...(sources === 2 ? { a2: unit } : {}),
        b: weights === 'f16' ? packed : unit,
        ...prologueBindings(prologue?.affine ?? false, unit),
        ...epilogueBindings(unit),
        ...endBindings(end, unit),
        out: unit,
      },
      uniforms: [...CONTRACTION_UNIFORMS, ...EPILOGUE_UNIFORMS],
      directives: code.directives,
      body: [
        epilogueCode(unit),
        endCode(end, unit),
        prologue ? prologueCode(prologue, unit) : '',
        placeCode(mode),
        writeCode(mode, unit),
        code.body,
      ].join('\n'),
    }),
    size: code.size,
    unit: unitSize(unit),
  };
});

/**
 * `kernel` are the columns of a convolution's kernel, `pad` the zeros left of it, `padTop` those above. Counts and strides in units: `rows` x `columns`, `depth` (of which `depth1` from the first source), `taps`; A at
 * aBase + place * aStride + k; B at
 * bBase + (tap * depth + k) * bStride + column * bColumn (packed pairs: half the depth; transposed: tap * bTap + k * bStride
 * + column * bColumn); out at oBase + row * oStride. Per
 * workgroup z: image z / heads, head z % heads move the bases by the *Image and *Head strides.
 */
const CONTRACTION_UNIFORMS = [
  'rows',
  'columns',
  'depth',
  'depth1',
  'taps',
  'kernel',
  'stride',
  'pad',
  'padTop',
  'outHeight',
  'outWidth',
  'inHeight',
  'inWidth',
  'silu',
  'heads',
  'aBase',
  'aStride',
  'aImage',
  'aHead',
  'bBase',
  'bStride',
  'bColumn',
  'bImage',
  'bHead',
  'bTap',
  'oBase',
  'oStride',
  'oImage',
  'oHead',
  'affineChannels',
] as const;

/** `place(row, tap)`: which row of A a row reads, -1 for the zeros around the image. */
function placeCode(mode: ContractionMode): string {
  if (mode === 'convTransposed') return transposedPlaceCode;
  const plain = 'fn enter(phase: u32) {} fn tapOf(tap: u32) -> u32 { return tap; }';
  if (mode === 'matrix') return `${plain} fn place(row: u32, tap: u32) -> i32 { return i32(row); }`;
  if (mode === 'winograd')
    return `${plain} fn place(row: u32, tap: u32) -> i32 { return i32(tap * u.rows + row); }`;
  return `
${plain}
fn place(row: u32, tap: u32) -> i32 {
  let p = placeAt(row, u.outWidth, u.outHeight);
  let x = i32(p.x * u.stride + tap % u.kernel) - i32(u.pad);
  let y = i32(p.y * u.stride + tap / u.kernel) - i32(u.padTop);
  let inside = x >= 0 && y >= 0 && x < i32(u.inWidth) && y < i32(u.inHeight);
  return select(-1, (i32(p.z * u.inHeight) + y) * i32(u.inWidth) + x, inside);
}`;
}

/**
 * A workgroup z has the pixels of one phase of the stride, which meet the same taps: every `stride`-th along both axes. Rows
 * are those pixels, taps those that meet them.
 */
const transposedPlaceCode = `
var<private> phase: vec2u;
fn enter(z: u32) { phase = vec2u(z % u.stride, z / u.stride); }
fn pixelOf(row: u32) -> vec3u {
  let size = (vec2u(u.outWidth, u.outHeight) + u.stride - 1u) / u.stride;
  let p = placeAt(row, size.x, size.y);
  return vec3u(p.xy * u.stride + phase, p.z);
}
fn tapAt(tap: u32) -> vec2u {
  let side = (u.kernel + u.stride - 1u) / u.stride;
  return vec2u(tap % side, tap / side) * u.stride + (phase + u.pad) % u.stride;
}
fn tapOf(tap: u32) -> u32 {
  let t = min(tapAt(tap), vec2u(u.kernel - 1u));
  return t.y * u.kernel + t.x;
}
fn place(row: u32, tap: u32) -> i32 {
  let t = tapAt(tap);
  let p = pixelOf(row);
  let shifted = p.xy + u.pad;
  let at = (shifted - t) / u.stride;
  let inside = all(t < vec2u(u.kernel)) && all(shifted >= t) && all(at < vec2u(u.inWidth, u.inHeight));
  return select(-1, i32((p.z * u.inHeight + at.y) * u.inWidth + at.x), inside);
}`;

/** `write(value, row, column)`, and for Winograd the four pixels of a tile. */
function writeCode(mode: ContractionMode, unit: string): string {
  if (mode === 'matrix')
    return `
fn write(v: ${unit}, row: u32, column: u32, base: u32) {
  out[base + row * u.oStride + column] = v * u.scaleF;
}`;
  if (mode === 'conv')
    return `
fn write(v: ${unit}, row: u32, column: u32, base: u32) {
  let at = base + row * u.oStride + column;
  let y = finish(v, quotient(row, u.outWidth * u.outHeight), column, at);
  out[at] = end(select(y, y / (1.0 + exp(-y)), u.silu != 0u), column, at);
}`;
  if (mode === 'convTransposed')
    return `
fn write(v: ${unit}, row: u32, column: u32, base: u32) {
  let p = pixelOf(row);
  if (p.x >= u.outWidth || p.y >= u.outHeight) { return; }
  let at = ((p.z * u.outHeight + p.y) * u.outWidth + p.x) * u.oStride + column;
  out[at] = end(finish(v, p.z, column, at), column, at);
}`;
  return `
fn write(v: ${unit}, row: u32, column: u32, corner: u32) {
  let p = placeAt(row, (u.outWidth + 1u) / 2u, (u.outHeight + 1u) / 2u);
  let x = p.x * 2u + corner % 2u;
  let y = p.y * 2u + corner / 2u;
  if (x >= u.outWidth || y >= u.outHeight) { return; }
  let at = ((p.z * u.outHeight + y) * u.outWidth + x) * u.oStride + column;
  out[at] = end(finish(v, p.z, column, at), column, at);
}
// Rows of A^T of F(2x2, 3x3): what product i adds to the first and the second output of a line.
fn first(i: u32) -> f32 { return select(1.0, 0.0, i == 3u); }
fn second(i: u32) -> f32 { return select(select(-1.0, 1.0, i == 1u), 0.0, i == 0u); }`;
}
