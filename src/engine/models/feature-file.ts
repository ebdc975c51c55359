import type { FileFeature } from '../../distil/config';
import type { ClassTable } from '../../distil/discriminator';
import { openTensors } from '../../formats/open-checkpoint';
import type { TensorData } from '../../formats/safetensors';
import type { Source } from '../../formats/source';
import { checkFinite, readFloat32, type TensorRef } from '../../formats/tensor';
import { badFile } from '../../lib/errors';
import type { WeightSource } from '../../nn/weights';
import { checkpointWeights } from './weights';

/** A tensor that each network alone has, and what its name says about the rest. */
const KNOWN: Readonly<Record<FileFeature, string>> = {
  'vgg16-bn': 'features.41.running_mean',
  'deit-distilled': 'dist_token',
};

/**
 * The weights of a feature network that a person gives: torchvision's state dict of VGG16-BN, timm's or the authors' of
 * DeiT distilled, as .pth or .safetensors, told apart by the names of its tensors. Throws a `bad-file` error otherwise.
 */
export function openFeatureFile(source: Source): { name: FileFeature; weights: WeightSource } {
  const tensors = openTensors(source);
  for (const [name, mark] of Object.entries(KNOWN) as [FileFeature, string][]) {
    const path = [...tensors.keys()].find((key) => key === mark || key.endsWith(`.${mark}`));
    if (path === undefined) continue;
    const prefix = path.slice(0, path.length - mark.length);
    const own = new Map<string, TensorRef>();
    for (const [key, ref] of tensors) if (key.startsWith(prefix)) own.set(key.slice(prefix.length), ref);
    return { name, weights: checkpointWeights({ tensors: own }) };
  }
  throw badFile('not a feature network that is known', {
    where: source.name,
    expected: "torchvision's vgg16_bn or timm's deit_base_distilled_patch16_224",
    found: `${tensors.size} tensors`,
  });
}

/** What of such weights a run looks through, in float32: no classifier, which is most of VGG16, and no counters. */
export function featureTensors(weights: WeightSource): Map<string, TensorData> {
  const out = new Map<string, TensorData>();
  for (const name of weights.names()) {
    if (/^(classifier|head|head_dist|norm)\.|num_batches_tracked$/.test(name)) continue;
    const bytes = () => {
      const { buffer, byteOffset, byteLength } = weights.read(name);
      return new Uint8Array(buffer, byteOffset, byteLength);
    };
    out.set(name, { dtype: 'f32', shape: weights.shape(name)!, bytes });
  }
  return out;
}

/** The one matrix of a file [rows, dim], a class a row: in_embeddings/tf_efficientnet_lite0.pkl of Zyriix/D2O. */
export function openClassTable(source: Source): ClassTable {
  const matrices = [...openTensors(source)].filter(([, { shape }]) => shape.length === 2);
  const [found] = matrices;
  if (!found || matrices.length > 1)
    throw badFile('not a table of class embeddings', {
      where: source.name,
      expected: 'one matrix with a row for each class',
      found: `${matrices.length} matrices`,
    });
  const [name, ref] = found;
  const values = readFloat32(ref);
  checkFinite(values, name);
  return { rows: ref.shape[0]!, dim: ref.shape[1]!, values };
}
