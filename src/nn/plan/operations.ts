/** What a value is: for one image an activation [height, width, channels] or a vector [channels], or something whole. */
export interface Shape {
  /** 0 for a vector. */
  height: number;
  width: number;
  /** Of a whole value: how many numbers it has. */
  channels: number;
  /** One for the whole batch: its dimensions as published, e.g. OIHW. */
  whole?: readonly number[];
}

/** One operation of a recorded network and its result. */
export interface Node {
  /** Its place among the nodes of its graph: larger than those of its inputs. */
  id: number;
  operation: Operation;
  inputs: readonly Node[];
  shape: Shape;
  /** How many nodes read it. */
  uses: number;
  /** Heads of the attention that reads it as q, k and v; 0 for everything else. */
  attentionHeads: number;
}

/**
 * What a node of a graph may be. Values are per image, maps [H, W, C] or vectors [C], or whole: one for the batch (a
 * parameter, its gradient, a loss). Inputs stand in brackets; `w` is a parameter in its published layout.
 */
export type Operation = NetworkOperation | ImageOperation | GradientOperation | UpdateOperation;

/** The vocabulary of the networks (nn/ops.ts). Parameters are inputs too, and named: executors pack them by name. */
type NetworkOperation =
  /** Given at each run. */
  | { op: 'input'; name: string }
  /** Whole: what lives longer than a run. */
  | { op: 'parameter'; name: string }
  /** [x, w, bias?] */
  | ({ op: 'conv2d'; name: string; bias: boolean } & ConvGeometry)
  /** [x, bias] */
  | { op: 'addBias'; name: string }
  | { op: 'downsample'; taps: readonly number[]; pad: number }
  /** `pad` rows and columns of the transposed convolution's result are left out on every side. */
  | { op: 'upsample'; taps: readonly number[]; pad: number }
  /** [x, weight, bias]; `over`: whether the images have statistics of their own, or one set for all (batch norm). */
  | { op: 'groupNorm'; name: string; groups: number; eps: number; over: 'image' | 'batch' }
  | { op: 'silu' }
  | { op: 'add' }
  /** `gain`: the block whose gain, a number of each run, scales it too. */
  | { op: 'scale'; factor: number; gain: string | null }
  | { op: 'concat' }
  | { op: 'addVector' }
  | { op: 'modulate' }
  /** [v, w, bias?]; `siblings`: all linear layers that read the same vector, itself too, in the order of the network. */
  | { op: 'linear'; name: string; bias: boolean; siblings: readonly Node[] }
  | { op: 'attention'; heads: number };

/** What frozen feature networks, the heads on them and the losses need beside. */
type ImageOperation =
  /** [x], element by element. */
  | { op: 'activate'; kind: Activation }
  /** [x] along both axes; transposed: from the result's size back to the source's. */
  | { op: 'resize'; method: ResizeMethod; transposed: boolean }
  /** [x]: the largest of each window; what lies around the map counts for nothing. */
  | ({ op: 'maxPool' } & PoolGeometry)
  /** [x] to a whole value: the mean over everything of the standard deviation over the batch. */
  | { op: 'deviation' }
  /** [whole value of one number] at every element. */
  | { op: 'broadcast' }
  /** [x, v]: the sum over channels of x v, a map of one channel. */
  | { op: 'dotVector' }
  /** [m of one channel, v]: the products. */
  | { op: 'outerVector' }
  /** [x, v]: x v, channel by channel. */
  | { op: 'timesVector' }
  /**
   * [x, place], a vector [shiftY, shiftX, top, bottom, left, right] of each image: pixel (i, j) is that of x at (i + shiftY,
   * j + shiftX), zeros from outside, and in rows top to bottom and columns left to right. Transposed: its gradient.
   */
  | { op: 'shiftAndCut'; transposed: boolean }
  /** [x]: every pixel's channels, perhaps without their mean, divided by their length: the root of eps and the sum of their squares. */
  | { op: 'unit'; eps: number; centred: boolean }
  /** [x] element by element: x Phi(x). */
  | { op: 'gelu' }
  /** [x, whole value of one image's size]: the sums. */
  | { op: 'addMap' }
  /** [x]: its pixels from `from` on, in a row, as a map of any height and width; and from there on in a longer row of zeros. */
  | { op: 'pixelsFrom'; from: number }
  | { op: 'amongPixels'; from: number }
  /** [x] to a whole value: the sum over everything. */
  | { op: 'total' }
  /** [w, u] to v and [w, v] to u of a power iteration; w as the matrix M [fan in, out]: unit(M u), unit(M' v). */
  | { op: 'powerV' }
  | { op: 'powerU' }
  /** [w, u, v]: w / (v' M u). */
  | { op: 'spectralNorm' };

/** What rules of differentiation emit (training/rules.ts). */
type GradientOperation =
  | { op: 'constant'; value: number }
  /** [dy, w] to the gradient of a convolution's input; of one with a stride: between the pixels of dy are zeros. */
  | ({ op: 'convTransposed'; name: string } & ConvGeometry)
  /** [x, dy] to the gradient of a convolution's weight. */
  | ({ op: 'filterGradient' } & ConvGeometry)
  /** [v, w]: v times w as it is, [out, in]. */
  | { op: 'linearTransposed'; name: string }
  /** [a, b] to a whole value: the sum over images of a b', [a's channels, b's channels]. */
  | { op: 'outer' }
  /** [x] to a vector: the sum over pixels; [a, b]: of a b, where b may have one channel. */
  | { op: 'pixelSum' }
  | { op: 'pixelDot' }
  /** [x] to a whole value: the sum of the squares of a whole one. */
  | { op: 'squares' }
  /** [v] to a whole value: the sum over images. */
  | { op: 'imageSum' }
  /** Channels from `from` on. */
  | { op: 'slice'; from: number }
  /** [x, v]: x (v + 1). */
  | { op: 'timesOnePlus' }
  /** [x, dy]. */
  | { op: 'siluGradient' }
  /** [x, dy]. */
  | { op: 'geluGradient' }
  /** [y, dy] with the activation's result y. */
  | { op: 'activateGradient'; kind: Activation }
  /** [x, dy] to a vector: the sums over pixels of dy and of dy xhat, one after the other. */
  | { op: 'normSums'; groups: number; eps: number; over: 'image' | 'batch' }
  /** [x, dy, those sums, weight] to the gradient of x. */
  | { op: 'normGradient'; groups: number; eps: number; over: 'image' | 'batch' }
  /** [x, v]: how the normalised x moves as x moves along v, r (v - mean(v) - xhat mean(v xhat)); its own transpose. */
  | { op: 'normTangent'; groups: number; eps: number; over: 'image' | 'batch' }
  /** [x, dy, v, weight] of a batch norm: the gradient of v times its `normGradient` in x. */
  | { op: 'batchNormCurvature'; eps: number }
  /** [x, whole value of x's channels]: the products. */
  | { op: 'timesChannels' }
  /** [qkv, dy]. */
  | { op: 'attentionGradient'; heads: number }
  /** [qkv, v]: how the result moves as q, k and v move along v. */
  | { op: 'attentionTangent'; heads: number }
  /** [x, dy] of 2x2 windows side by side: to the first of the largest. */
  | { op: 'maxPoolGradient' }
  /** [x, v], of 2x2 windows of x side by side: v, of its shape, at the first of the largest. */
  | { op: 'maxPoolTangent' }
  /** [x, dy]. */
  | { op: 'unitGradient'; eps: number; centred: boolean }
  /** [x, gradient of the deviation]. */
  | { op: 'deviationGradient' }
  /** [x, gradient of the deviation, gradient of that gradient's result]: what reaches x of the latter. */
  | { op: 'deviationCurvature' }
  /** [w, u, v, gradient of the normalised weight]. */
  | { op: 'spectralGradient' };

/** What ends a step. State that an update names first is overwritten by it: nothing may read it afterwards. */
type UpdateOperation =
  /** [parameter, gradient, second moment, rate and 1 / sqrt(1 - beta2^t)]: Adam without a first moment (beta1 = 0). */
  | { op: 'adam'; beta2: number; eps: number }
  /** [average, parameter, share of the parameter]. */
  | { op: 'blend' };

export interface ConvGeometry {
  kernel: number;
  stride: number;
  /** Zeros before and behind, along both axes. */
  pad: number;
  padEnd: number;
  /** One filter a channel: w [C, 1, k, k]. */
  depthwise: boolean;
  /** Columns of the kernel and zeros before the first one, where they are others than those of its rows. */
  across?: { kernel: number; pad: number };
}

export interface PoolGeometry {
  kernel: number;
  stride: number;
  /** Pixels by which the first window begins before the map, along both axes. */
  pad: number;
}

/** Taps of a filter. */
export const tapsOf = ({ kernel, across }: Pick<ConvGeometry, 'kernel' | 'across'>): number =>
  kernel * (across?.kernel ?? kernel);

/** leakyRelu has slope 0.2; hardtanh clips to [-1, 1]. Each has a derivative that its result tells. */
export type Activation = 'relu' | 'relu6' | 'leakyRelu' | 'softplus' | 'hardtanh';

/**
 * Bilinear without and with aligned corners or as TensorFlow 1 has it, the mean of whole blocks of pixels, or of a pixel and those
 * around it that the map has.
 */
export type ResizeMethod = 'bilinear' | 'corners' | 'tensorflow-1' | 'box' | 'around';
