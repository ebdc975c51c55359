import type { TensorInfo } from '@tensorflow/tfjs-core';
import { ELEMENTS } from '../kernels/each-element';
import { linearGrid } from '../kernels/grid';
import type { Kernel } from '../kernels/kernel';
import { TensorStream } from './stream';

/** How many elements a tensor has. */
export const sizeOf = ({ shape }: TensorInfo): number => shape.reduce((a, b) => a * b, 1);

/** Runs an element-wise kernel over `total` elements; operands in the order of its bindings. */
export function overElements(
  kernel: Kernel,
  operands: readonly TensorInfo[],
  uniforms: Readonly<Record<string, number>>,
  total: number,
): void {
  const grid = linearGrid(Math.ceil(total / ELEMENTS));
  TensorStream.current.call({ kernel, operands, uniforms: { total, ...uniforms }, grid });
}

/** Runs an element-wise kernel into a new tensor, of the shape of the first input. */
export function mapped(
  kernel: Kernel,
  inputs: readonly TensorInfo[],
  uniforms: Readonly<Record<string, number>> = {},
): TensorInfo {
  const out = TensorStream.current.empty(inputs[0]!.shape);
  overElements(kernel, [...inputs, out], uniforms, sizeOf(out));
  return out;
}
