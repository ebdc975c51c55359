import type { Kernel } from './kernel';

/**
 * Buffers of a kernel that hold float16, by the names of their bindings or of its workgroup's arrays, and the power of two that
 * their values are multiplied with as they are stored: 0 for what is of the order of 1, more for gradients, which halves
 * would lose below 6e-8.
 */
export type Halves = Readonly<Record<string, number>>;

const HALF: Readonly<Record<string, string>> = { f32: 'f16', vec4f: 'vec4h' };

/**
 * The same kernel where some of its buffers hold halves. It goes on computing in float32: a half is widened where an element is
 * read, and a value is rounded where one is written, to infinity beyond 65504. It is a pass over the kernel's text, so that
 * kernels are written once, for float32. It needs shader-f16.
 */
export function inHalves(kernel: Kernel, halves: Halves): Kernel {
  const names = Object.keys(halves);
  if (names.length === 0) return kernel;
  const types = new Map<string, string>();
  let code = kernel.code;
  for (const name of names) {
    const declaration = new RegExp(`(var<[^>]*> ${name}: array<)(f32|vec4f)\\b`);
    const [, , type] = declaration.exec(code) ?? [];
    if (!type) throw new Error(`${kernel.name} has no array ${name} of float32`);
    types.set(name, type);
    code = code.replace(declaration, `$1${HALF[type]}`);
  }
  return {
    ...kernel,
    name: `${kernel.name}, halves of ${names.join(' ')}`,
    code: `enable f16;\n${rewritten(code, types, halves)}`,
  };
}

/** Every element of those arrays, as it is read or written. */
function rewritten(code: string, types: ReadonlyMap<string, string>, halves: Halves): string {
  const element = new RegExp(`\\b(${[...types.keys()].join('|')})\\[`);
  const out: string[] = [];
  let rest = code;
  for (let found = element.exec(rest); found; found = element.exec(rest)) {
    const name = found[1]!;
    const from = found.index + found[0].length;
    const to = closing(rest, from);
    const place = `${name}[${rewritten(rest.slice(from, to), types, halves)}]`;
    const [type, power] = [types.get(name)!, halves[name]!];
    const behind = rest.slice(to + 1);
    out.push(rest.slice(0, found.index));
    const assigned = /^\s*(=(?!=)|[-+*/]=)/.exec(behind);
    if (!assigned) {
      out.push(power === 0 ? `${type}(${place})` : `(${type}(${place}) * ${2 ** -power})`);
      rest = behind;
      continue;
    }
    if (assigned[1] !== '=') throw new Error(`${name} is changed in place: ${assigned[1]}`);
    const end = behind.indexOf(';');
    const value = rewritten(behind.slice(assigned[0].length, end).trim(), types, halves);
    out.push(`${place} = ${HALF[type]}(${power === 0 ? value : `(${value}) * ${2 ** power}`})`);
    rest = behind.slice(end);
  }
  return [...out, rest].join('');
}

/** Where the bracket that is open at `from` is closed. */
function closing(code: string, from: number): number {
  let depth = 1;
  for (let at = from; at < code.length; at++) {
    if (code[at] === '[') depth++;
    if (code[at] === ']' && --depth === 0) return at;
  }
  throw new Error('a bracket is not closed');
}
