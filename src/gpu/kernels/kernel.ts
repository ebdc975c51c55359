/** A WGSL program with the names of what it binds: storage buffers in order, the last one written. */
export interface Kernel {
  name: string;
  code: string;
  /** Storage bindings in order; those of `writes` are read_write, the others read-only. */
  bindings: readonly string[];
  writes: readonly string[];
  /** Fields of its uniform struct in order; names ending in F are f32, the others u32. */
  uniforms: readonly string[];
}

export interface KernelSource {
  name: string;
  /** Name and element type of each storage buffer, read-only unless it starts with "out". */
  bindings: Readonly<Record<string, string>>;
  uniforms: readonly string[];
  /** Lines before the functions: `enable` directives. */
  directives?: string;
  /** Functions and the entry point `main`. */
  body: string;
}

/**
 * WGSL `quotient(n, d)`: n / d rounded down, for every n and d from 1 to 2^29. No processor divides vectors of integers, so adapters
 * that run lanes as such vectors take them one by one. The first quotient is wrong by 1 and its 2^22th part at most, the
 * second by 1.
 */
const QUOTIENT = `
fn quotient(n: u32, d: u32) -> u32 {
  let near = u32(f32(n) / f32(d));
  let q = near + u32(i32(floor(f32(i32(n - near * d)) / f32(d))));
  let rest = i32(n - q * d);
  return q + u32(rest >= i32(d)) - u32(rest < 0);
}`;

/** WGSL `placeAt(n, width, height)`: column, row and image of place n in maps that lie one after the other. */
const PLACE_AT = `
fn placeAt(n: u32, width: u32, height: u32) -> vec3u {
  let line = quotient(n, width);
  let image = quotient(line, height);
  return vec3u(n - line * width, line - image * height, image);
}`;

/** Declares bindings and uniforms around a program's body. */
export function kernel({ name, bindings, uniforms, directives = '', body }: KernelSource): Kernel {
  const names = Object.keys(bindings);
  const writes = names.filter((n) => n.startsWith('out'));
  const declared = names.map(
    (n, i) =>
      `@group(0) @binding(${i}) var<storage, ${writes.includes(n) ? 'read_write' : 'read'}> ${n}: array<${bindings[n]}>;`,
  );
  const fields = uniforms.map((u) => `${u}: ${isFloat(u) ? 'f32' : 'u32'},`);
  const code = `${directives}
struct Uniforms { ${fields.join(' ')} }
${declared.join('\n')}
@group(0) @binding(${names.length}) var<uniform> u: Uniforms;
${/\b(quotient|placeAt)\(/.test(body) ? QUOTIENT : ''}
${body.includes('placeAt(') ? PLACE_AT : ''}
${body}`;
  return { name, code, bindings: names, writes, uniforms };
}

const isFloat = (field: string): boolean => field.endsWith('F');

/** The bytes of a kernel's uniforms. Throws when a value is missing: a hole would be a wrong result. */
export function packUniforms(kernel: Kernel, values: Readonly<Record<string, number>>): ArrayBuffer {
  const bytes = new ArrayBuffer(Math.ceil(kernel.uniforms.length / 4) * 16);
  const view = new DataView(bytes);
  for (const [i, field] of kernel.uniforms.entries()) {
    const value = values[field];
    if (value === undefined) throw new Error(`${kernel.name}: no value for uniform ${field}`);
    if (isFloat(field)) view.setFloat32(4 * i, value, true);
    else view.setUint32(4 * i, value, true);
  }
  return bytes;
}

/** `count` copies of a piece of code, for unrolling. */
export const repeat = (count: number, piece: (i: number) => string, separator = '\n'): string =>
  Array.from({ length: count }, (_, i) => piece(i)).join(separator);

/**
 * What an index counts: single values, or four channels at a time. Adapters that run lanes as vectors of a CPU
 * gain nothing from four, and their compilers take four times as long.
 */
export type Unit = 'f32' | 'vec4f';
/** Values of one unit. */
export const unitSize = (unit: Unit): 1 | 4 => (unit === 'f32' ? 1 : 4);

/** WGSL functions (value, thread) that every thread of a workgroup calls and gets the same result of: by subgroup, and of two partial results. */
const REDUCTIONS = {
  sumAll: ['subgroupAdd(v)', 'partial[t] + partial[t + k]'],
  maxAll: ['subgroupMax(v)', 'max(partial[t], partial[t + k])'],
} as const;

/**
 * Reductions over a workgroup of `threads`: the subgroup's own where the workgroup is one subgroup, a tree in shared memory
 * elsewhere.
 */
export function workgroupReductions(
  threads: number,
  subgroup: boolean,
  names: readonly (keyof typeof REDUCTIONS)[],
): { directives: string; code: string } {
  const functions = names.map((name) => {
    const [whole, pair] = REDUCTIONS[name];
    if (subgroup) return `fn ${name}(v: f32, t: u32) -> f32 { return ${whole}; }`;
    return `fn ${name}(v: f32, t: u32) -> f32 {
  workgroupBarrier();
  partial[t] = v;
  workgroupBarrier();
  for (var k = ${threads / 2}u; k > 0u; k = k >> 1u) {
    if (t < k) { partial[t] = ${pair}; }
    workgroupBarrier();
  }
  return partial[0];
}`;
  });
  const shared = subgroup ? [] : [`var<workgroup> partial: array<f32, ${threads}>;`];
  return { directives: subgroup ? 'enable subgroups;' : '', code: [...shared, ...functions].join('\n') };
}

/** The sum alone, as `sumAll`. */
export const workgroupSum = (threads: number, subgroup: boolean): { directives: string; code: string } =>
  workgroupReductions(threads, subgroup, ['sumAll']);
