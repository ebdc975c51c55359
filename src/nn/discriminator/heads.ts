import { InnateError } from '../../lib/errors';

/**
 * What the heads of a projected discriminator are made of (Sauer et al. 2021, "Projected GANs Converge Faster";
 * MultiScaleD in Zyriix/GDD): one head a feature map, strided convolutions down to 8x8, a last one to logits.
 *
 * 'paper': spectral norm, batch norm, class embeddings (a trained table for each head) projected by an equalised
 * linear layer. 'small': without
 * batch norm and with one minibatch-deviation channel. With batch norm a batch of fakes is normalised by its own
 * statistics, so that a small batch of equal images looks like any other, and the generator collapses onto one.
 */
export type HeadStyle = 'paper' | 'small';

export interface HeadsConfig {
  style: HeadStyle;
  /** Channels of each feature map, finest first. */
  channels: number[];
  /** Height and width of each feature map; nominal ones for the paper's heads. */
  sizes: number[];
  /** Maps of each feature network, in order. */
  networks: number[];
  /** 0 = unconditional. */
  classes: number;
  /** Length of a class embedding before its projection ('paper'). */
  embeddingDim: number;
  /** Width of every hidden layer ('small'). */
  width: number;
}

export interface ConvLayer {
  /** Published name without `.weight_orig`. */
  name: string;
  inChannels: number;
  outChannels: number;
  kernel: number;
  /** Strided layers are padded by 1, have a bias and are followed by a norm and a leaky ReLU. */
  strided: boolean;
  /** Name of the batch norm behind it. */
  norm: string | null;
}

export interface HeadSpec {
  /** "mini_discs.0" */
  name: string;
  hidden: ConvLayer[];
  last: ConvLayer;
}

/** Channels at each resolution of the published heads. */
const PAPER_WIDTHS: Readonly<Record<number, number>> = {
  1: 2048,
  2: 1024,
  4: 512,
  8: 512,
  16: 256,
  32: 128,
  64: 64,
  128: 64,
  256: 32,
  512: 16,
  1024: 8,
};

/** Channels of a conditional head's last map and of the class embedding that it is multiplied with. */
export const EMBEDDED_CHANNELS = 64;

/** The layers of one head for each feature map. Throws `bad-argument` where there are not as many sizes as channels. */
export function headSpecs(config: HeadsConfig): HeadSpec[] {
  const { channels, sizes, networks } = config;
  const maps = networks.reduce((a, b) => a + b, 0);
  if (channels.length !== sizes.length || channels.length !== maps || maps === 0)
    throw new InnateError('bad-argument', 'the discriminator needs one size for each feature map');
  const ends = networks.flatMap((count, k) => {
    const last = networks.slice(0, k + 1).reduce((a, b) => a + b, 0) - 1;
    return Array.from({ length: count }, () => endSize(sizes[last]!));
  });
  return channels.map((c, i) =>
    config.style === 'paper'
      ? paperHead(i, c, sizes[i]!, ends[i]!, config)
      : smallHead(i, c, sizes[i]!, config),
  );
}

/** Published: down to 8x8, or to the size of the network's smallest map where that is below. */
const endSize = (smallest: number): number => Math.min(8, nominal(smallest));

/** The published table knows powers of two only: the nearest one stands for the rest. */
function nominal(size: number): number {
  const known = Object.keys(PAPER_WIDTHS).map(Number);
  return known.reduce((best, s) => (Math.abs(s - size) < Math.abs(best - size) ? s : best));
}

function paperHead(
  index: number,
  channels: number,
  size: number,
  end: number,
  { classes }: HeadsConfig,
): HeadSpec {
  const name = `mini_discs.${index}`;
  const hidden: ConvLayer[] = [];
  let width = channels;
  let layer = 0;
  for (let at = nominal(size); at > end; at /= 2) {
    const out = PAPER_WIDTHS[at / 2]!;
    const block = `${name}.main.${layer++}.main`;
    hidden.push({
      name: `${block}.0`,
      inChannels: width,
      outChannels: out,
      kernel: 4,
      strided: true,
      norm: `${block}.1`,
    });
    width = out;
  }
  const kernel = end >= 8 ? 4 : Math.max(1, end >> 1);
  const conditional = classes > 0;
  return {
    name,
    hidden,
    last: {
      name: conditional ? `${name}.cls` : `${name}.main.${layer}`,
      inChannels: width,
      outChannels: conditional ? EMBEDDED_CHANNELS : 1,
      kernel,
      strided: false,
      norm: null,
    },
  };
}

function smallHead(index: number, channels: number, size: number, { classes, width }: HeadsConfig): HeadSpec {
  const name = `mini_discs.${index}`;
  const hidden: ConvLayer[] = [];
  let inChannels = channels;
  let at = size;
  for (let layer = 0; at > 8; layer++, at >>= 1) {
    hidden.push({
      name: `${name}.main.${layer}.main.0`,
      inChannels,
      outChannels: width,
      kernel: 4,
      strided: true,
      norm: null,
    });
    inChannels = width;
  }
  return {
    name,
    hidden,
    last: {
      name: `${name}.cls`,
      inChannels: inChannels + 1, // the deviation channel
      outChannels: classes > 0 ? EMBEDDED_CHANNELS : 1,
      kernel: Math.min(4, Math.max(1, at - 1)),
      strided: false,
      norm: null,
    },
  };
}

export interface HeadParameter {
  name: string;
  shape: number[];
  kind: 'conv' | 'bias' | 'scale' | 'shift' | 'embedding' | 'projection';
}

/** Every trained tensor, published names and layout. */
export function headParameters(config: HeadsConfig): HeadParameter[] {
  const out: HeadParameter[] = [];
  for (const head of headSpecs(config)) {
    for (const layer of [...head.hidden, head.last]) {
      const { name, inChannels, outChannels, kernel } = layer;
      out.push({
        name: `${name}.weight_orig`,
        shape: [outChannels, inChannels, kernel, kernel],
        kind: 'conv',
      });
      if (layer.strided) out.push({ name: `${name}.bias`, shape: [outChannels], kind: 'bias' });
      if (layer.norm) {
        out.push({ name: `${layer.norm}.weight`, shape: [outChannels], kind: 'scale' });
        out.push({ name: `${layer.norm}.bias`, shape: [outChannels], kind: 'shift' });
      }
    }
    if (config.classes > 0 && config.style === 'paper') {
      out.push({
        name: `${head.name}.embed.weight`,
        shape: [config.classes, config.embeddingDim],
        kind: 'embedding',
      });
      out.push({
        name: `${head.name}.embed_proj.weight`,
        shape: [EMBEDDED_CHANNELS, config.embeddingDim],
        kind: 'projection',
      });
      out.push({ name: `${head.name}.embed_proj.bias`, shape: [EMBEDDED_CHANNELS], kind: 'shift' });
    }
    if (config.classes > 0 && config.style === 'small')
      out.push({
        name: `${head.name}.embed.weight`,
        shape: [EMBEDDED_CHANNELS, config.classes],
        kind: 'projection',
      });
  }
  return out;
}
