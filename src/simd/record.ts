/**
 * The layout of a program in memory, shared by the kernels (AssemblyScript) and by who writes programs. A program
 * is a list of records, one kernel call each, of `RECORD_BYTES`; the fields below are byte offsets in a record.
 * Addresses are absolute. Maps are NHWC with channels in multiples of 4.
 */
export const RECORD_BYTES = 256;

export const KERNEL = 0;
/** Independent pieces of the call, which the threads share out. */
export const TASKS = 4;
/** One or two maps joined along channels: address and stored channels of each; the second's channels may be 0. */
export const SOURCE0 = 8;
export const CHANNELS0 = 12;
export const SOURCE1 = 16;
export const CHANNELS1 = 20;
export const HEIGHT = 24;
export const WIDTH = 28;
/** Prologue: address of factors and offsets [N, 2, channels] or 0; whether SiLU follows. */
export const AFFINE = 32;
export const SILU = 36;
export const KERNEL_SIZE = 40;
export const PAD = 44;
export const WEIGHTS = 48;
/** Epilogue: (y + bias + vector + residual) * scale; addresses or 0; bytes between two images' vectors. */
export const BIAS = 52;
export const VECTOR = 56;
export const VECTOR_STRIDE = 60;
export const RESIDUAL = 64;
export const SCALE = 68;
export const OUT = 72;
export const OUT_CHANNELS = 76;
export const OUT_HEIGHT = 80;
export const OUT_WIDTH = 84;
/** Tasks are numbered image, block of rows, block of columns (output channels), the last fastest. */
export const ROWS = 88;
export const ROW_BLOCKS = 92;
export const COLUMNS = 96;
export const COLUMN_BLOCKS = 100;
/** Output tile of a Winograd convolution: 2 or 4. Resampling: up (1) or down (0). */
export const MODE = 104;
/** Thread scratch: bytes from its start to a kernel's second and third buffer. */
export const SCRATCH1 = 108;
export const SCRATCH2 = 112;

/** Epilogue, last: one of the activations below. */
export const ACTIVATION = 116;
/** Direct convolutions: columns of the kernel, zeros on the left, pixels from one window to the next. */
export const KERNEL_WIDTH = 120;
export const PAD_LEFT = 124;
export const STRIDE = 128;
/**
 * Output pixel (y, x) of a direct convolution lies at (OUT_TOP + y * OUT_STEP, OUT_LEFT + x * OUT_STEP) of a map of
 * GRID_HEIGHT x GRID_WIDTH: the input gradient of a strided convolution is written by several calls.
 */
export const OUT_STEP = 132;
export const OUT_TOP = 136;
export const OUT_LEFT = 140;
export const GRID_HEIGHT = 144;
export const GRID_WIDTH = 148;

/** Norm: groups and epsilon; chunks of pixels and their partial sums [N, chunks, 2, channels]. */
export const GROUPS = 40;
export const EPSILON = 44;
export const PARTIALS = 92;
export const CHUNK = 88;
export const CHUNKS = 96;
/** Norm: address of mean and 1 / standard deviation [N, 2, channels], each group's repeated, or 0. */
export const STATISTICS = 152;
/** Attention: heads and the packed keys. */
export const HEADS = 40;
export const KEYS = 48;

/** Training. The gradient that a call reads; the norm's is changed in place. */
export const GRADIENT = 156;
/** Gradients of parameters are added to what is there (1) or replace it (0). */
export const ACCUMULATE = 160;
/** Images, where a call goes over all of them by itself. */
export const IMAGES = 164;
/** Norm gradient: sums [N, 2, channels] of dy and of dy * normalised x; dx = a dy + p x + q with p, q [N, 2, channels]. */
export const SUMS = 168;
export const COEFFICIENTS = 172;
/** Where a vector's gradient goes; rows are VECTOR_GRADIENT_STRIDE bytes apart. */
export const VECTOR_GRADIENT = 176;
export const VECTOR_GRADIENT_STRIDE = 180;
/** A second output. */
export const OUT1 = 184;
/** Values of a flat call, and those of one task: CHUNK. */
export const COUNT = 188;
/** Filter gradient: rows of an image's pixels that are packed together, and of how many images. */
export const CHUNK_IMAGES = 192;
export const CHUNK_ROWS = 196;
/** Tables of the rows and columns of a banded resampling, and their taps. */
export const ROW_TABLE = 52;
export const COLUMN_TABLE = 56;
export const ROW_TAPS = 40;
export const COLUMN_TAPS = 44;
/** Adam: address of the step's numbers; second moments, first moments or 0, averages or 0. */
export const STEP_NUMBERS = 40;
export const SECOND_MOMENTS = 44;
export const FIRST_MOMENTS = 48;
export const AVERAGES = 52;

/** Activations. */
export const NONE = 0;
export const SILU_ACTIVATION = 1;
export const RELU = 2;
export const RELU6 = 3;
/** Slope 0.2 below zero. */
export const LEAKY_RELU = 4;
export const SOFTPLUS = 5;
/** Clips to [-1, 1]. */
export const HARDTANH = 6;
/** x Phi(x). */
export const GELU_ACTIVATION = 7;

export const CONV_DIRECT = 0;
export const CONV_WINOGRAD = 1;
export const MATRIX = 2;
export const NORM_CHUNKS = 3;
export const NORM_FINISH = 4;
export const POINTWISE = 5;
export const RESAMPLE = 6;
export const ATTENTION_KEYS = 7;
export const ATTENTION = 8;
/** From here on: kernels of training, which only its module has. */
export const FILTER_GRADIENT = 9;
export const TURN_FILTER = 10;
export const WINOGRAD_FILTER = 11;
export const SUM_ROWS = 12;
export const NORM_GRADIENT_SUMS = 13;
export const NORM_GRADIENT_FINISH = 14;
export const NORM_GRADIENT_PARAMETERS = 15;
export const NORM_GRADIENT_APPLY = 16;
export const ACTIVATE = 17;
export const ACTIVATION_GRADIENT = 18;
export const DEPTHWISE = 19;
export const DEPTHWISE_GRADIENT = 20;
export const BANDED = 21;
export const SLICE = 22;
export const ATTENTION_GRADIENT = 23;
export const DEVIATION_SUMS = 24;
export const TOTAL = 25;
export const DEVIATION_GRADIENT = 26;
export const POWER_ITERATION = 27;
export const NORMALISE_WEIGHT = 28;
export const SPECTRAL_GRADIENT = 29;
export const ADAM = 30;
export const SQUARES = 31;
export const SUM_PARTIALS = 32;
export const PRODUCT = 33;
export const CHANNEL_DOT = 34;
export const PIXEL_DOT = 35;
export const BROADCAST = 36;
export const MAX_POOL = 37;
export const MAX_POOL_GRADIENT = 38;
export const BLEND = 39;
export const SHIFT_AND_CUT = 40;
export const UNIT = 41;
export const MAX_POOL_TANGENT = 42;
export const BATCH_NORM_CURVATURE = 43;
export const ATTENTION_TANGENT = 44;

/** Columns of the packed weights' panels. */
export const PANEL = 8;
/** Output channels that a Winograd task has in flight. */
export const WINOGRAD_COLUMNS = 32;

/** The control block at the start of memory. */
export const GENERATION = 64;
export const STEPS = 68;
export const THREADS = 72;
export const FAILED = 76;
export const QUIT = 80;
/** Milliseconds without any thread beginning a task before a run is given up. */
export const PATIENCE = 84;
export const IDLE = 128;
export const PROGRAM = 192;
export const SCRATCH = 196;
export const SCRATCH_BYTES = 200;
/** One cache line a thread: how many tasks it has begun. */
export const HEARTBEATS = 1024;
export const MAX_THREADS = 32;
/** One cache line a step: next task, threads that are through. */
export const COUNTERS = 4096;
