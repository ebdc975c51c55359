import { Denoiser } from '../nn/denoiser';
import { type IterationExecutor, type OpenExecutor, Unplanned } from '../nn/plan/training/executor';
import { recordIteration } from '../nn/plan/training/iteration';
import { unplannedSetting } from './config';
import { Discriminator } from './discriminator';
import type {
  ExecutorFacts,
  ExecutorParts,
  StepExecutor,
  StepInputs,
  StepKind,
  StepNumbers,
} from './executor';
import { RecordedRun } from './recorded-step';
import { prefixed, type StateTensor } from './saved';

/** Steps as recorded graphs (nn/plan/training), compiled once for the back-end: the fast way. */
export class PlannedExecutor implements StepExecutor {
  private readonly prepared = new Set<StepKind>();

  private constructor(
    private readonly parts: ExecutorParts,
    private readonly run: RecordedRun,
    private readonly iterations: IterationExecutor,
  ) {}

  /**
   * Records and compiles a whole step, and gives it the state that the run begins from. Throws `Unplanned` where these
   * settings cannot be recorded, or the back-end has no kernels or no memory for them.
   */
  static async open(parts: ExecutorParts, open: OpenExecutor): Promise<PlannedExecutor> {
    const refusal = unplannedSetting(parts.config);
    if (refusal !== null) throw new Unplanned(refusal);
    const { run, heads } = await beginning(parts);
    const iterations = await open();
    try {
      const executor = new PlannedExecutor(parts, run, iterations);
      await executor.prepare('both');
      executor.begin(heads);
      return executor;
    } catch (error) {
      iterations.dispose();
      throw error;
    }
  }

  get facts(): ExecutorFacts {
    return { executor: 'plan', label: this.iterations.label, reason: null };
  }

  get bytes(): number {
    return this.iterations.bytes;
  }

  async step(inputs: StepInputs): Promise<StepNumbers> {
    const { kind, onStage } = inputs;
    await this.prepare(kind);
    onStage?.(STAGES[kind], 0, 1);
    const reports = await this.iterations.run(kind, this.run.inputs(inputs));
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
      r1: null,
    };
  }

  async state(): Promise<Map<string, StateTensor>> {
    const { generator } = this.run.settings;
    const out = new Map<string, StateTensor>();
    const trained = new Set(this.run.trained.map((name) => `generator.${name}`));
    for (const name of this.iterations.names()) {
      if (!/^(heads|ema|adamG|adamD)\./.test(name) && !trained.has(name)) continue;
      const values = await this.iterations.read(name);
      const own = name.replace(/^\w+\./, '');
      const shape = /^(heads|adamD)\./.test(name) ? this.run.headShape(own) : generator.shape(own);
      out.set(name, { shape: shape ?? [values.length], values });
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

  private async prepare(kind: StepKind): Promise<void> {
    if (this.prepared.has(kind)) return;
    const { settings } = this.run;
    const iteration = recordIteration(settings, kind);
    await this.iterations.prepare(kind, { iteration, batch: this.parts.config.batch });
    this.prepared.add(kind);
  }

  /** What a run begins with: averages are the student, heads are drawn, moments are zeros. Then what was saved. */
  private begin(heads: ReadonlyMap<string, StateTensor>): void {
    const { saved } = this.parts;
    const { iterations, run } = this;
    for (const name of iterations.names()) {
      const student = name.replace(/^ema\./, 'generator.');
      const stored = [name, student].find((key) => saved?.shape(key));
      const values = heads.get(name)?.values ?? (stored ? saved!.read(stored) : run.frozen(student));
      if (values) iterations.write(name, values);
    }
  }
}

/** What a step is at, in words. */
const STAGES: Readonly<Record<StepKind, string>> = {
  both: 'both networks learn',
  generator: 'the student learns',
  discriminator: 'the discriminator learns',
};

/** What is recorded, and the heads that a discriminator begins with, drawn or saved, by their names in the state. */
async function beginning(parts: ExecutorParts) {
  const { network, config, saved, classTable } = parts;
  const teacher = Denoiser.open(network, parts.teacher);
  const features = parts.features?.(teacher) ?? [];
  const { labelDim } = network.unet;
  const discriminator = new Discriminator(
    features,
    config,
    labelDim,
    saved && prefixed(saved, 'heads.'),
    classTable,
  );
  try {
    const run = new RecordedRun(parts, features, discriminator.heads);
    const heads = Array.from(
      await discriminator.state(),
      ([name, tensor]) => [`heads.${name}`, tensor] as const,
    );
    return { run, heads: new Map(heads) };
  } finally {
    discriminator.dispose();
    for (const of of features) of.dispose?.();
    teacher.dispose();
  }
}
