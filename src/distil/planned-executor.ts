import { OutOfMemory } from '../lib/errors';
import { Denoiser } from '../nn/denoiser';
import { addedState, chooseStep } from '../nn/plan/training/budget';
import type { IterationExecutor, OpenExecutor } from '../nn/plan/training/executor';
import type { Side } from '../nn/plan/training/recorder';
import { isAdversarial, partSizes } from './config';
import { Discriminator } from './discriminator';
import {
  type ExecutorFacts,
  type ExecutorParts,
  featuresInOrder,
  type StepExecutor,
  type StepInputs,
  type StepKind,
  type StepNumbers,
} from './executor';
import { RecordedInstance } from './recorded-instance';
import { RecordedRun } from './recorded-step';
import type { PartProgram, ProgramName, RecordedStudent, StepGraphInputs } from './recorded-student';
import { prefixed, type StateTensor } from './saved';

/** Steps as recorded graphs (nn/plan/training), compiled once for the back-end: the fast way. */
export class PlannedExecutor implements StepExecutor {
  private readonly prepared = new Set<string>();
  /** Images of the parts that a batch is taken in. */
  private readonly sizes: readonly number[];
  /** Of the program that recomputes most. */
  private recomputed = { blocks: 0, of: 0 };

  private constructor(
    private readonly parts: ExecutorParts,
    private readonly run: RecordedStudent,
    private readonly iterations: IterationExecutor,
    private readonly recomputeAll: boolean,
  ) {
    this.sizes = partSizes(parts.config);
  }

  /**
   * Records and compiles a whole step, and gives it the state that the run begins from. Of what does not fit into the executor's
   * budget, or into a device that turns out to have less, activations are recomputed. Throws `Unplanned` where the back-end has
   * no kernels for it, and `OutOfMemory` where that is not enough.
   */
  static async open(parts: ExecutorParts, open: OpenExecutor): Promise<PlannedExecutor> {
    const { run, heads } = await beginning(parts);
    const attempt = async (recomputeAll: boolean): Promise<PlannedExecutor> => {
      const iterations = await open(parts.config.dtype);
      try {
        const executor = new PlannedExecutor(parts, run, iterations, recomputeAll);
        await executor.prepareAll();
        executor.begin(heads);
        return executor;
      } catch (error) {
        iterations.dispose();
        throw error;
      }
    };
    if (parts.recomputeAll) return attempt(true);
    return attempt(false).catch((error) => {
      if (!(error instanceof OutOfMemory) || error instanceof OverBudget) throw error;
      return attempt(true);
    });
  }

  get facts(): ExecutorFacts {
    const { label, precision } = this.iterations;
    const { dtype, instead } = precision;
    return {
      ...{ executor: 'plan', label, reason: null, recomputed: this.recomputed, dtype },
      instead: this.parts.config.dtype === dtype ? null : instead,
    };
  }

  get bytes(): number {
    return this.iterations.bytes;
  }

  async step(asked: StepInputs): Promise<StepNumbers> {
    const inputs = { ...asked, kind: this.run.kindOf(asked.kind) };
    const given = this.run.inputs(inputs);
    const turn = new Turn(inputs, this.turns(inputs));
    const reports =
      this.sizes.length === 1
        ? await this.inOne(inputs, given, turn)
        : await this.inParts(inputs, given, turn);
    const r1 = inputs.r1 ? await this.penalty(inputs, given, turn) : null;
    const number = (name: string) => reports.get(name) ?? null;
    const norm = (name: string) => {
      const squares = number(name);
      return squares === null ? null : Math.sqrt(squares);
    };
    return {
      lossG: number('lossG'),
      gradientNormG: norm('squaresG'),
      lossD: number('lossD'),
      gradientNormD: norm('squaresD'),
      logitsFake: number('logitsFake'),
      logitsReal: number('logitsReal'),
      r1,
    };
  }

  async state(): Promise<Map<string, StateTensor>> {
    const out = new Map<string, StateTensor>();
    const trained = new Set(this.run.trained.map((name) => `generator.${name}`));
    for (const name of this.iterations.names()) {
      if (!/^(heads|ema|adamG|adamD|target)\./.test(name) && !trained.has(name)) continue;
      const values = await this.iterations.read(name);
      out.set(name, { shape: this.run.shape(name) ?? [values.length], values });
    }
    return out;
  }

  async averages(): Promise<Map<string, Float32Array>> {
    const out = new Map<string, Float32Array>();
    for (const name of this.run.trained) out.set(name, await this.iterations.read(`ema.${name}`));
    return out;
  }

  dispose(): void {
    this.iterations.dispose();
  }

  /** The step as one graph. */
  private async inOne({ kind }: StepInputs, given: StepGraphInputs, turn: Turn): Promise<Reports> {
    turn.next(LEARNS[kind]);
    return this.execute(kind, this.sizes[0]!, given, 0);
  }

  /** Each network's gradients part by part, then its update; the order is the iteration's. */
  private async inParts({ kind }: StepInputs, given: StepGraphInputs, turn: Turn): Promise<Reports> {
    const reports = new Map<string, number>();
    for (const side of this.run.order) {
      if (kind === (side === 'G' ? 'discriminator' : 'generator')) continue;
      const what = LEARNS[side === 'G' ? 'generator' : 'discriminator'];
      const found = await this.gradients(`part ${side}`, given, () => turn.next(what));
      for (const [name, value] of [...found, ...(await this.update(side, given))]) reports.set(name, value);
    }
    return reports;
  }

  /** R1, a step of the discriminator by itself: exact, by differentiating the recorded gradient once more. */
  private async penalty({ rates, updates }: StepInputs, given: StepGraphInputs, turn: Turn): Promise<number> {
    const found = await this.gradients('part R1', given, () => turn.next('R1'));
    const ratesD = this.run.discriminatorRates(rates.discriminator, updates.discriminator + 1);
    await this.update('D', { ...given, whole: new Map([...given.whole, ['ratesD', ratesD]]) });
    return found.get('r1')!;
  }

  /** Gradients of the whole batch, part by part, left where the update finds them; reports are means. */
  private async gradients(program: PartProgram, given: StepGraphInputs, tell: () => void): Promise<Reports> {
    const means = new Map<string, number>();
    let seen = 0;
    for (const size of this.sizes) {
      tell();
      const part = size / (seen + size);
      const reports = await this.execute(program, size, given, seen, part);
      for (const [name, value] of reports)
        means.set(name, (means.get(name) ?? 0) * (1 - part) + value * part);
      seen += size;
    }
    return means;
  }

  private update(side: Side, given: StepGraphInputs): Promise<Reports> {
    return this.execute(`update ${side}`, this.sizes[0]!, given, 0);
  }

  /** Runs a program on `size` images from image `from` on. */
  private async execute(
    program: ProgramName,
    size: number,
    { images, whole }: StepGraphInputs,
    from: number,
    part = 1,
  ): Promise<Reports> {
    const key = await this.prepare(program, size);
    const { batch } = this.parts.config;
    const inputs = new Map<string, ArrayLike<number>>([...whole, ['part', [part]]]);
    for (const [name, values] of images) {
      const each = values.length / batch;
      inputs.set(name, values.subarray(from * each, (from + size) * each));
    }
    return this.iterations.run(key, inputs);
  }

  /** What a whole iteration needs; programs of single steps are compiled when they are asked for. */
  private async prepareAll(): Promise<void> {
    const all = this.programs();
    const recorded = all.length > 1 ? all.map(([program, size]) => this.run.record(program, size)) : [];
    for (const [i, [program, size]] of all.entries())
      await this.prepare(program, size, addedState(recorded.slice(i + 1), recorded.slice(0, i + 1)));
  }

  private programs(): [ProgramName, number][] {
    const sizes = [...new Set(this.sizes)];
    const { order } = this.run;
    const each = (program: PartProgram) => sizes.map((size): [ProgramName, number] => [program, size]);
    const found: [ProgramName, number][] = [];
    if (this.sizes.length === 1) found.push([this.run.kindOf('both'), sizes[0]!]);
    else
      for (const side of ['G', 'D'] as const)
        if (order.includes(side)) found.push(...each(`part ${side}`), [`update ${side}`, sizes[0]!]);
    if (this.parts.config.r1Gamma > 0 && order.includes('D'))
      found.push(...each('part R1'), ['update D', sizes[0]!]);
    return found;
  }

  /**
   * `reserved`: bytes of the state that the programs of an iteration after it add. Absent: it is no part of one, and however much it
   * takes the device decides.
   */
  private async prepare(program: ProgramName, size: number, reserved?: number): Promise<string> {
    const key = `${program} ${size}`;
    if (this.prepared.has(key)) return key;
    const { iterations, run, recomputeAll } = this;
    const budget = recomputeAll ? 0 : iterations.budget - (reserved ?? 0);
    const { step, recomputed, of, bytes } = chooseStep(
      iterations,
      (blocks) => ({ iteration: run.record(program, size, blocks), batch: size }),
      budget,
    );
    // What a device cannot have at all it refuses itself, in its own words.
    const over = bytes > budget && Number.isFinite(bytes);
    if (over && !recomputeAll && reserved !== undefined && size > SMALLEST)
      throw new OverBudget('backend', 'out of memory', {
        expected: `at most ${(iterations.budget / 1e9).toFixed(1)} GB`,
        found: `${((bytes + reserved) / 1e9).toFixed(1)} GB for ${size} images at once, with all activations recomputed that can be`,
        hint: 'Use a smaller batch, or take it in parts',
      });
    await iterations.prepare(key, step);
    this.prepared.add(key);
    if (recomputed > this.recomputed.blocks) this.recomputed = { blocks: recomputed, of };
    return key;
  }

  /** Pieces of a step, for whoever waits for it. */
  private turns({ kind, r1 }: StepInputs): number {
    const sides = kind === 'both' && this.sizes.length > 1 ? 2 : 1;
    return (sides + (r1 ? 1 : 0)) * this.sizes.length;
  }

  /** What a run begins with: averages are the student, heads are drawn, moments are zeros. Then what was saved. */
  private begin(heads: ReadonlyMap<string, StateTensor>): void {
    const { saved } = this.parts;
    const { iterations, run } = this;
    for (const name of iterations.names()) {
      const student = name.replace(/^(ema|target)\./, 'generator.');
      const stored = [name, student].find((key) => saved?.shape(key));
      const values = heads.get(name)?.values ?? (stored ? saved!.read(stored) : run.first(student));
      if (values) iterations.write(name, values);
    }
  }
}

/** Images of the smallest part that a batch is ever taken in: what does not fit even so is the device's to refuse. */
const SMALLEST = 2;

/** What does not fit into the executor's budget whatever is recomputed. */
class OverBudget extends OutOfMemory {}

type Reports = Map<string, number>;

/** What a step is at, in words. */
const LEARNS: Readonly<Record<StepKind, string>> = {
  both: 'both networks learn',
  generator: 'the student learns',
  discriminator: 'the discriminator learns',
};

/** Tells each piece of a step as it begins. */
class Turn {
  private done = 0;

  constructor(
    private readonly step: StepInputs,
    private readonly total: number,
  ) {}

  next(what: string): void {
    this.step.onStage?.(what, this.done++, this.total);
  }
}

/** What is recorded, and the heads that a discriminator begins with, drawn or saved, by their names in the state. */
async function beginning(parts: ExecutorParts): Promise<{
  run: RecordedStudent;
  heads: ReadonlyMap<string, StateTensor>;
}> {
  const teacher = Denoiser.open(parts.network, parts.teacher);
  const features = featuresInOrder(parts, teacher);
  try {
    if (!isAdversarial(parts.config.method))
      return { run: new RecordedInstance(parts, features[0]), heads: new Map() };
    const { network, config, saved, classTable } = parts;
    const { labelDim } = network.unet;
    const heads = saved && prefixed(saved, 'heads.');
    const discriminator = new Discriminator(features, config, labelDim, heads, classTable);
    try {
      const run = new RecordedRun(parts, features, discriminator.heads);
      const state = Array.from(
        await discriminator.state(),
        ([name, tensor]) => [`heads.${name}`, tensor] as const,
      );
      return { run, heads: new Map(state) };
    } finally {
      discriminator.dispose();
    }
  } finally {
    for (const of of features) of.dispose?.();
    teacher.dispose();
  }
}
