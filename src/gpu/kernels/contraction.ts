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
  const { tile, mode, weights, sources, prologue, narrow } = options;
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
        out: unit,
      },
      uniforms: [...CONTRACTION_UNIFORMS, ...EPILOGUE_UNIFORMS],
      directives: code.directives,
      body: [
        epilogueCode(unit),
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
 * Counts and strides in units: `rows` x `columns`, `depth` (of which `depth1` from the first source), `taps`; A at
 * aBase + place * aStride + k; B at
 * bBase + (tap * depth + k) * bStride + column * bColumn (packed pairs: half the depth); out at oBase + row * oStride. Per
 * workgroup z: image z / heads, head z % heads move the bases by the *Image and *Head strides.
 */
const CONTRACTION_UNIFORMS = [
  'rows',
  'columns',
  'depth',
  'depth1',
  'taps',
  'kernel',
  'pad',
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
  'oBase',
  'oStride',
  'oImage',
  'oHead',
  'affineChannels',
] as const;

/** `place(row, tap)`: which row of A a row reads, -1 for the zeros around the image. */
function placeCode(mode: ContractionMode): string {
  if (mode === 'matrix') return 'fn place(row: u32, tap: u32) -> i32 { return i32(row); }';
  if (mode === 'winograd') return 'fn place(row: u32, tap: u32) -> i32 { return i32(tap * u.rows + row); }';
  return `
fn place(row: u32, tap: u32) -> i32 {
  let x = i32(row % u.outWidth + tap % u.kernel) - i32(u.pad);
  let y = i32((row / u.outWidth) % u.outHeight + tap / u.kernel) - i32(u.pad);
  let image = i32(row / (u.outWidth * u.outHeight));
  let inside = x >= 0 && y >= 0 && x < i32(u.inWidth) && y < i32(u.inHeight);
  return select(-1, (image * i32(u.inHeight) + y) * i32(u.inWidth) + x, inside);
}`;
}

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
  let at = row * u.oStride + column;
  let y = finish(v, row / (u.outWidth * u.outHeight), column, at);
  out[at] = select(y, y / (1.0 + exp(-y)), u.silu != 0u);
}`;
  return `
fn write(v: ${unit}, row: u32, column: u32, corner: u32) {
  let tilesX = (u.outWidth + 1u) / 2u;
  let tilesY = (u.outHeight + 1u) / 2u;
  let x = row % tilesX * 2u + corner % 2u;
  let y = row / tilesX % tilesY * 2u + corner / 2u;
  if (x >= u.outWidth || y >= u.outHeight) { return; }
  let image = row / (tilesX * tilesY);
  let at = ((image * u.outHeight + y) * u.outWidth + x) * u.oStride + column;
  out[at] = finish(v, image, column, at);
}
// Rows of A^T of F(2x2, 3x3): what product i adds to the first and the second output of a line.
fn first(i: u32) -> f32 { return select(1.0, 0.0, i == 3u); }
fn second(i: u32) -> f32 { return select(select(-1.0, 1.0, i == 1u), 0.0, i == 0u); }`;
}
