import { elementwise } from './elementwise';
import { type Kernel, repeat } from './kernel';

/**
 * The filter transform on the device: [16, rows, columns] from a filter [9, inputs, outputs], as it is, or `turned` around for the
 * gradient of the convolution's input, whose rows are the outputs. `total` = rows * columns.
 */
export function winogradFilters(turned: boolean): Kernel {
  const line = (name: string, from: (k: number) => string): string =>
    `let ${name}0 = ${from(0)}; let ${name}1 = (${from(0)} + ${from(1)} + ${from(2)}) * 0.5; let ${name}2 = (${from(0)} - ${from(1)} + ${from(2)}) * 0.5; let ${name}3 = ${from(2)};`;
  const tap = (t: number) => `weights[${turned ? 8 - t : t}u * u.total + at]`;
  return elementwise(
    `winograd filters${turned ? ' turned' : ''}`,
    ['weights', 'out'],
    ['columns', 'outputs'],
    `let at = ${turned ? 'i % u.columns * u.outputs + i / u.columns' : 'i'};
  ${repeat(9, (t) => `let g${t} = ${tap(t)};`, ' ')}
  ${repeat(3, (c) => line(`h${c}`, (k) => `g${3 * k + c}`))}
  ${repeat(4, (r) => `${line(`w${r}`, (k) => `h${k}${r}`)} ${repeat(4, (c) => `out[${4 * r + c}u * u.total + i] = w${r}${c};`, ' ')}`)}`,
  );
}
