import { onnx } from 'onnx-proto';
import type { TensorRef } from '../../src/formats/tensor';
import { InnateError } from '../../src/lib/errors';
import type { Value } from './value';

/**
 * Parameters as initializers whose data stay in the .safetensors file: its row-major float32 OIHW tensors are
 * what ONNX takes, so that the model file holds the graph alone.
 */
export class ParameterTensors {
  private readonly tensors = new Map<string, onnx.ITensorProto>();

  constructor(
    private readonly refs: ReadonlyMap<string, TensorRef>,
    /** What the model calls the file beside it. */
    private readonly location: string,
  ) {}

  /** `dims`: the same data in another shape, as another initializer. */
  get(name: string, dims?: readonly number[]): Value {
    const ref = this.ref(name);
    const shape = dims ?? ref.shape;
    const key = dims ? `${name} ${dims.join('x')}` : name;
    if (!this.tensors.has(key)) {
      const length = 4 * shape.reduce((a, b) => a * b, 1);
      this.tensors.set(key, {
        name: key,
        dims: [...shape],
        dataType: onnx.TensorProto.DataType.FLOAT,
        dataLocation: onnx.TensorProto.DataLocation.EXTERNAL,
        externalData: [
          { key: 'location', value: this.location },
          { key: 'offset', value: String(ref.byteOffset) },
          { key: 'length', value: String(length) },
        ],
      });
    }
    return { name: key, shape };
  }

  private ref(name: string): TensorRef {
    const ref = this.refs.get(name);
    if (ref?.dtype === 'f32') return ref;
    throw new InnateError('bad-file', 'a parameter is missing or not float32', { where: name });
  }

  used(): Iterable<onnx.ITensorProto> {
    return this.tensors.values();
  }
}
