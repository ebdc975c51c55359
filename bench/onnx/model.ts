import { onnx } from 'onnx-proto';
import type { TensorRef } from '../../src/formats/tensor';
import type { UNetConfig } from '../../src/nn/config';
import { dhariwalUNet } from '../../src/nn/dhariwal-unet';
import { songUNet } from '../../src/nn/song-unet';
import { OnnxOps } from './onnx-ops';
import { ParameterTensors } from './parameters';
import type { Value } from './value';
import { WEIGHTS_LOCATION } from './weights-location';

/** The opset of Split's num_outputs. */
const OPSET = 18;
const IR_VERSION = 8;

/**
 * A U-Net as an ONNX model of fixed batch: inputs `x` [N, C, R, R] (already times c_in), `noise` [N, E] and, for
 * conditional networks, `labels` [N, L]; output `F`. `tensors` are those of the .safetensors file that the
 * session gets as external data.
 */
export function onnxModel(
  config: UNetConfig,
  batch: number,
  tensors: ReadonlyMap<string, TensorRef>,
): Uint8Array {
  const ops = new OnnxOps(new ParameterTensors(tensors, WEIGHTS_LOCATION));
  const value = (name: string, ...shape: number[]): Value => ({ name, shape: [batch, ...shape] });
  const x = value('x', config.inChannels, config.imgResolution, config.imgResolution);
  const noise = value('noise', config.modelChannels * config.channelMultNoise);
  const labels = config.labelDim ? value('labels', config.labelDim) : null;
  const net = config.modelType === 'SongUNet' ? songUNet : dhariwalUNet;
  const out = net(ops, config, x, { noise, labels });
  return encoded({
    name: config.modelType,
    node: [...ops.nodes, { opType: 'Identity', input: [out.name], output: ['F'] }],
    input: [x, noise, ...(labels ? [labels] : [])].map(described),
    output: [described({ name: 'F', shape: out.shape })],
    initializer: ops.initializers,
  });
}

/** The smallest model there is: opening it loads and compiles the runtime itself. */
export function identityModel(): Uint8Array {
  return encoded({
    name: 'identity',
    node: [{ opType: 'Identity', input: ['x'], output: ['y'] }],
    input: [described({ name: 'x', shape: [1] })],
    output: [described({ name: 'y', shape: [1] })],
  });
}

const encoded = (graph: onnx.IGraphProto): Uint8Array =>
  onnx.ModelProto.encode(
    onnx.ModelProto.create({
      irVersion: IR_VERSION,
      opsetImport: [{ domain: '', version: OPSET }],
      producerName: 'innate',
      graph,
    }),
  ).finish();

const described = ({ name, shape }: Value): onnx.IValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType: onnx.TensorProto.DataType.FLOAT,
      shape: { dim: shape.map((dimValue) => ({ dimValue })) },
    },
  },
});
