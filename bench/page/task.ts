import type { Model } from '../../src/engine/models/model';
import { openModel } from '../../src/engine/models/open-model';
import { bufferSource } from '../../src/formats/source';
import { InnateError } from '../../src/lib/errors';
import { type BenchInput, benchInput } from '../input';
import { NETS } from '../nets';
import type { LoadRequest } from './protocol';

/** One network, its weights and its input, the same for every engine. */
export interface BenchTask extends BenchInput {
  model: Model;
  batch: number;
  sigma: number;
  /** The .safetensors file that `model` reads. */
  weightsFile: Uint8Array;
  /** The ONNX model that takes its weights from that file. */
  onnx(): Promise<Uint8Array>;
  /** An ONNX model of no work. */
  identity(): Promise<Uint8Array>;
}

async function fetchBytes(name: string): Promise<Uint8Array> {
  const response = await fetch(`/data/${name}`);
  if (!response.ok) throw new InnateError('not-found', 'the bench server has no such file', { where: name });
  return new Uint8Array(await response.arrayBuffer());
}

export async function loadTask({ net, batch, files }: LoadRequest): Promise<BenchTask> {
  const weightsFile = await fetchBytes(files.weights);
  const model = openModel(bufferSource(weightsFile, files.weights));
  const { sigma } = NETS[net];
  return {
    ...benchInput(model.config, batch, sigma),
    model,
    batch,
    sigma,
    weightsFile,
    onnx: () => fetchBytes(files.onnx),
    identity: () => fetchBytes(files.identity),
  };
}
