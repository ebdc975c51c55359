import { onnx } from 'onnx-proto';
import type { Ops } from '../../src/nn/ops';
import type { ParameterTensors } from './parameters';
import type { Value } from './value';

/**
 * The networks' vocabulary as ONNX nodes, in the shape in which PyTorch exports them: a convolution with its
 * bias, group norm as instance normalisation of groups, SiLU as x * sigmoid(x) (which the runtime fuses),
 * attention as two matrix products.
 */
export class OnnxOps implements Ops<Value> {
  readonly nodes: onnx.INodeProto[] = [];
  private readonly constants = new Map<string, onnx.ITensorProto>();
  private count = 0;

  constructor(private readonly parameters: ParameterTensors) {}

  get initializers(): onnx.ITensorProto[] {
    return [...this.parameters.used(), ...this.constants.values()];
  }

  scope(module: () => Value): Value {
    return module();
  }

  conv2d(x: Value, name: string, { pad, bias }: { pad: number; bias?: false }): Value {
    const weight = this.parameters.get(`${name}.weight`);
    const [out, , kernel] = weight.shape as [number, number, number];
    const inputs = [x, weight];
    if (bias !== false) inputs.push(this.parameters.get(`${name}.bias`));
    return this.convolve('Conv', inputs, {
      shape: spatial(x, out, (size) => size + 2 * pad - kernel + 1),
      kernel,
      stride: 1,
      pad,
      group: 1,
    });
  }

  addBias(x: Value, name: string): Value {
    const bias = this.parameters.get(`${name}.bias`, [1, x.shape[1]!, 1, 1]);
    return this.node('Add', [x, bias], x.shape);
  }

  downsample(x: Value, taps: readonly number[], pad: number): Value {
    const channels = x.shape[1]!;
    return this.convolve('Conv', [x, this.resampleFilter(channels, taps, 1)], {
      shape: spatial(x, channels, (size) => Math.floor((size + 2 * pad - taps.length) / 2) + 1),
      kernel: taps.length,
      stride: 2,
      pad,
      group: channels,
    });
  }

  upsample(x: Value, taps: readonly number[]): Value {
    const channels = x.shape[1]!;
    return this.convolve('ConvTranspose', [x, this.resampleFilter(channels, taps, 4)], {
      shape: spatial(x, channels, (size) => 2 * size),
      kernel: taps.length,
      stride: 2,
      pad: (taps.length - 1) >> 1,
      group: channels,
    });
  }

  groupNorm(x: Value, name: string, { groups, eps }: { groups: number; eps: number }): Value {
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const grouped = this.reshape(x, [n, groups, (c / groups) * h * w]);
    const ones = this.floats(`ones ${groups}`, [groups], () => new Float32Array(groups).fill(1));
    const zeros = this.floats(`zeros ${groups}`, [groups], () => new Float32Array(groups));
    const normed = this.node('InstanceNormalization', [grouped, ones, zeros], grouped.shape, [
      float('epsilon', eps),
    ]);
    const scaled = this.node(
      'Mul',
      [this.reshape(normed, x.shape), this.parameters.get(`${name}.weight`, [1, c, 1, 1])],
      x.shape,
    );
    return this.addBias(scaled, name);
  }

  silu(x: Value): Value {
    return this.node('Mul', [x, this.node('Sigmoid', [x], x.shape)], x.shape);
  }

  add(a: Value, b: Value): Value {
    return this.node('Add', [a, b], a.shape);
  }

  scale(x: Value, factor: number): Value {
    return this.node('Mul', [x, this.scalar(factor)], x.shape);
  }

  concat(a: Value, b: Value): Value {
    const shape = [...a.shape];
    shape[1] = a.shape[1]! + b.shape[1]!;
    return this.node('Concat', [a, b], shape, [integer('axis', 1)]);
  }

  addVector(x: Value, v: Value): Value {
    return this.node('Add', [x, this.reshape(v, [...v.shape, 1, 1])], x.shape);
  }

  modulate(x: Value, v: Value): Value {
    const [n, c2] = v.shape as [number, number];
    const [scale, shift] = this.split(this.reshape(v, [n, c2, 1, 1]), 1, 2) as [Value, Value];
    const factor = this.node('Add', [scale, this.scalar(1)], scale.shape);
    return this.node('Add', [this.node('Mul', [x, factor], x.shape), shift], x.shape);
  }

  linear(v: Value, name: string, options?: { bias?: false }): Value {
    const weight = this.parameters.get(`${name}.weight`);
    const inputs = [v, weight];
    if (options?.bias !== false) inputs.push(this.parameters.get(`${name}.bias`));
    return this.node('Gemm', inputs, [v.shape[0]!, weight.shape[0]!], [integer('transB', 1)]);
  }

  attention(qkv: Value, heads: number): Value {
    const [n, c3, h, w] = qkv.shape as [number, number, number, number];
    const width = c3 / 3 / heads;
    const pixels = h * w;
    const parts = this.reshape(qkv, [n, heads, width, 3, pixels]);
    const [q, k, v] = this.split(this.transpose(parts, [3, 0, 1, 4, 2]), 0, 3).map((part) =>
      this.reshape(part, [n, heads, pixels, width]),
    ) as [Value, Value, Value];
    const keys = this.scale(this.transpose(k, [0, 1, 3, 2]), 1 / Math.sqrt(width));
    const scores = this.node('MatMul', [q, keys], [n, heads, pixels, pixels]);
    const weights = this.node('Softmax', [scores], scores.shape, [integer('axis', -1)]);
    const mixed = this.node('MatMul', [weights, v], [n, heads, pixels, width]);
    return this.reshape(this.transpose(mixed, [0, 1, 3, 2]), [n, heads * width, h, w]);
  }

  private convolve(
    type: 'Conv' | 'ConvTranspose',
    inputs: Value[],
    c: { shape: readonly number[]; kernel: number; stride: number; pad: number; group: number },
  ): Value {
    return this.node(type, inputs, c.shape, [
      integers('kernel_shape', [c.kernel, c.kernel]),
      integers('strides', [c.stride, c.stride]),
      integers('pads', [c.pad, c.pad, c.pad, c.pad]),
      integer('group', c.group),
    ]);
  }

  private reshape(x: Value, shape: readonly number[]): Value {
    const key = `shape ${shape.join('x')}`;
    if (!this.constants.has(key))
      this.constants.set(key, {
        name: key,
        dataType: onnx.TensorProto.DataType.INT64,
        dims: [shape.length],
        int64Data: [...shape],
      });
    return this.node('Reshape', [x, { name: key, shape: [shape.length] }], shape);
  }

  private transpose(x: Value, perm: readonly number[]): Value {
    return this.node(
      'Transpose',
      [x],
      perm.map((axis) => x.shape[axis]!),
      [integers('perm', perm)],
    );
  }

  private split(x: Value, axis: number, parts: number): Value[] {
    const shape = x.shape.map((size, i) => (i === axis ? size / parts : size));
    const outputs = Array.from({ length: parts }, () => ({ name: this.fresh(), shape }));
    this.nodes.push({
      opType: 'Split',
      input: [x.name],
      output: outputs.map((o) => o.name),
      attribute: [integer('axis', axis), integer('num_outputs', parts)],
    });
    return outputs;
  }

  private node(
    opType: string,
    inputs: readonly Value[],
    shape: readonly number[],
    attribute: onnx.IAttributeProto[] = [],
  ): Value {
    const output = { name: this.fresh(), shape };
    this.nodes.push({ opType, input: inputs.map((i) => i.name), output: [output.name], attribute });
    return output;
  }

  private fresh(): string {
    return `v${this.count++}`;
  }

  private scalar(value: number): Value {
    return this.floats(`scalar ${value}`, [], () => Float32Array.of(value));
  }

  /** outer(taps, taps) * gain / sum^2 for every channel: [C, 1, K, K]. */
  private resampleFilter(channels: number, taps: readonly number[], gain: number): Value {
    const k = taps.length;
    const total = taps.reduce((a, b) => a + b, 0) ** 2;
    return this.floats(`filter ${taps} ${gain} ${channels}`, [channels, 1, k, k], () =>
      Float32Array.from(
        { length: channels * k * k },
        (_, i) => (taps[Math.floor((i % (k * k)) / k)]! * taps[i % k]! * gain) / total,
      ),
    );
  }

  private floats(name: string, dims: number[], values: () => Float32Array): Value {
    if (!this.constants.has(name))
      this.constants.set(name, {
        name,
        dims,
        dataType: onnx.TensorProto.DataType.FLOAT,
        floatData: [...values()],
      });
    return { name, shape: dims };
  }
}

const spatial = (x: Value, channels: number, resize: (size: number) => number): number[] => [
  x.shape[0]!,
  channels,
  resize(x.shape[2]!),
  resize(x.shape[3]!),
];

const { AttributeType } = onnx.AttributeProto;
const integer = (name: string, i: number): onnx.IAttributeProto => ({ name, type: AttributeType.INT, i });
const float = (name: string, f: number): onnx.IAttributeProto => ({ name, type: AttributeType.FLOAT, f });
const integers = (name: string, ints: readonly number[]): onnx.IAttributeProto => ({
  name,
  type: AttributeType.INTS,
  ints: [...ints],
});
