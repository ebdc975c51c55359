import { InnateError } from '../../lib/errors';
import type { FeatureOps } from '../ops';
import type { WeightSource } from '../weights';
import { foldedNorms } from './folded-norms';
import { FrozenMaps } from './frozen-pyramid';
import { imageNetNormalisation, withTensors } from './made-weights';

/** Convolutions by their place in torchvision's `features`, stage by stage; a batch norm and a ReLU follow each. */
const STAGES: readonly (readonly number[])[] = [
  [0, 3],
  [7, 10],
  [14, 17, 20],
  [24, 27, 30],
  [34, 37, 40],
];
const EPS = 1e-5;

/**
 * VGG16 with batch norm (Simonyan & Zisserman 2015) from torchvision's state dict, cut where the published discriminator
 * looks: `features` before 13, 23, 33 and 43, the last ReLU of stages 2 to 5. Widths are those of the weights.
 */
export class VGG16BN extends FrozenMaps {
  readonly channels: readonly number[];

  /** `size`: height and width to which images are enlarged first; 224 in the paper. */
  constructor(source: WeightSource, size = 224) {
    if (size % 16 !== 0)
      throw new InnateError('bad-argument', 'VGG16 halves its images four times', {
        expected: 'a feature size that 16 divides',
        found: String(size),
      });
    super(withTensors(folded(source), new Map(imageNetNormalisation('normalise'))), size);
    this.channels = STAGES.slice(1).map((stage) => source.shape(`features.${stage.at(-1)}.weight`)![0]!);
  }

  sizes(): number[] {
    return [2, 4, 8, 16].map((stride) => this.size / stride);
  }

  protected mapsOn<T>(ops: FeatureOps<T>, x: T): T[] {
    let h = ops.resize(ops.conv(ops.toRgb(x), 'normalise'), this.size);
    const maps: T[] = [];
    for (const [stage, places] of STAGES.entries()) {
      if (stage > 0) h = ops.halved(h);
      for (const place of places)
        h = ops.conv(h, `features.${place}`, { activation: 'relu', padding: 'symmetric' });
      if (stage > 0) maps.push(h);
    }
    return maps;
  }
}

/** `features.I.weight` and `.bias` with the batch norm of `features.(I + 1)` in them. */
const folded = (source: WeightSource): WeightSource =>
  foldedNorms(source, EPS, (layer) => {
    const place = Number(/^features\.(\d+)$/.exec(layer)?.[1]);
    const norm = `features.${place + 1}`;
    return {
      weight: `${layer}.weight`,
      bias: `${layer}.bias`,
      scale: `${norm}.weight`,
      shift: `${norm}.bias`,
      mean: `${norm}.running_mean`,
      variance: `${norm}.running_var`,
    };
  });
