import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileSource, writeAtomic } from '../cli/files';
import { exportWhole } from '../src/engine/models/export';
import { readSafetensors, type TensorData, writeSafetensors } from '../src/formats/safetensors';
import { readFloat32 } from '../src/formats/tensor';
import { InnateError } from '../src/lib/errors';
import { benchInput } from './input';
import type { BenchNet } from './nets';
import { identityModel, onnxModel } from './onnx/model';
import { seededWeights, weightsMetadata } from './weights';

/** Names inside the folder that the page is served from as /data/. */
export interface NetFiles {
  weights: string;
  onnx: string;
  /** A model of no work. */
  identity: string;
}

export interface Golden {
  /** D(x, sigma) of the first images [n, C, R, R], by the public PyTorch classes with the same weights. */
  output: Float32Array;
  /** Of the weights' file that PyTorch was given. */
  weightsHash: string;
}

export function readGolden(root: string, net: BenchNet): Golden {
  const { tensors, metadata } = readSafetensors(
    fileSource(join(root, `bench/golden/${net.name}.safetensors`)),
  );
  return { output: readFloat32(tensors.get('output')!), weightsHash: metadata.get('weights_sha256')! };
}

/**
 * Makes what is missing in `folder`: the weights (kept from run to run) and the ONNX model of this batch.
 * Throws unless the weights are, bit for bit, those that PyTorch was given.
 */
export async function prepareNet(
  folder: string,
  net: BenchNet,
  batch: number,
  golden: Golden | null,
): Promise<NetFiles> {
  const weights = await prepareWeights(folder, net, golden);
  const { tensors } = readSafetensors(fileSource(join(folder, weights)));
  const onnx = `${net.name}-batch-${batch}.onnx`;
  writeFileSync(join(folder, onnx), onnxModel(net.config.unet, batch, tensors));
  const identity = 'identity.onnx';
  writeFileSync(join(folder, identity), identityModel());
  return { weights, onnx, identity };
}

/** The name in `folder` of a network's seeded weights, which are written where they are missing. Throws as `prepareNet` does. */
export async function prepareWeights(folder: string, net: BenchNet, golden: Golden | null): Promise<string> {
  mkdirSync(folder, { recursive: true });
  // The hash is part of the name: weights of another version are not taken for these.
  const weights = `${net.name}${golden ? `-${golden.weightsHash.slice(0, 8)}` : ''}.safetensors`;
  const path = join(folder, weights);
  if (!golden || !existsSync(path)) await writeWeights(path, net, golden);
  return weights;
}

async function writeWeights(path: string, net: BenchNet, golden: Golden | null): Promise<void> {
  const hash = createHash('sha256');
  const hashed = function* (chunks: Iterable<Uint8Array>) {
    for (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
    const found = hash.digest('hex');
    if (golden && found !== golden.weightsHash)
      throw new InnateError('mismatch', 'these are not the weights of the stored PyTorch output', {
        where: net.name,
        expected: golden.weightsHash.slice(0, 12),
        found: found.slice(0, 12),
        hint: 'Make it again with bench/golden/make.py',
      });
  };
  const tensors = exportWhole(net.config, seededWeights(net.config, net.seed), 'f32');
  await writeAtomic(path, hashed(writeSafetensors({ tensors, metadata: weightsMetadata(net.config) })));
}

/** What bench/golden/make.py reads: weights, latents, x and classes. */
export async function writeGoldenInput(folder: string, net: BenchNet): Promise<void> {
  await prepareNet(folder, net, 1, null);
  const { x, classes } = benchInput(net.config, net.goldenImages, net.sigma);
  const { inChannels, imgResolution } = net.config.unet;
  const bytes = (array: Float32Array | Int32Array) => new Uint8Array(array.buffer);
  const tensors = new Map<string, TensorData>([
    [
      'x',
      {
        dtype: 'f32',
        shape: [net.goldenImages, inChannels, imgResolution, imgResolution],
        bytes: () => bytes(x),
      },
    ],
  ]);
  if (classes)
    tensors.set('class_index', { dtype: 'i32', shape: [classes.length], bytes: () => bytes(classes) });
  const metadata = new Map([['sigma', String(net.sigma)]]);
  await writeAtomic(join(folder, `${net.name}.input.safetensors`), writeSafetensors({ tensors, metadata }));
}
