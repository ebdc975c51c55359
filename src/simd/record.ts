/**
 * The layout of a program in memory, shared by the kernels (AssemblyScript) and by who writes programs. A program
 * is a list of records, one kernel call each, of `RECORD_BYTES`; the fields below are byte offsets in a record.
 * Addresses are absolute. Maps are NHWC with channels in multiples of 4.
 */
export const RECORD_BYTES = 128;

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
/** Output tile of a Winograd convolution: 2 or 4. SiLU after the epilogue for matrix products. Up (1) or down (0). */
export const MODE = 104;
/** Thread scratch: bytes from its start to a kernel's second and third buffer. */
export const SCRATCH1 = 108;
export const SCRATCH2 = 112;

/** Norm: groups and epsilon; chunks of pixels and their partial sums [N, chunks, 2, channels]. */
export const GROUPS = 40;
export const EPSILON = 44;
export const PARTIALS = 92;
export const CHUNK = 88;
export const CHUNKS = 96;
/** Attention: heads and the packed keys. */
export const HEADS = 40;
export const KEYS = 48;

export const CONV_DIRECT = 0;
export const CONV_WINOGRAD = 1;
export const MATRIX = 2;
export const NORM_CHUNKS = 3;
export const NORM_FINISH = 4;
export const POINTWISE = 5;
export const RESAMPLE = 6;
export const ATTENTION_KEYS = 7;
export const ATTENTION = 8;

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
