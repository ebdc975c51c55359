import { asInnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { FileChoice, ModelInfo } from '../../protocol/models';
import { addOpened, type EngineStore, fail } from '../engine';
import { endOf, type LongSteps, type StepEnd } from '../long-steps';

interface Options {
  client: Pick<EngineClient, 'open'>;
  engine: EngineStore;
  steps: LongSteps;
  /** Called with an opened model that no newer file has superseded. */
  onOpened: (info: ModelInfo) => void;
}

/** The opening of files, one at a time: a newer file supersedes the one under way. */
export class Opening {
  private underWay: AbortController | null = null;

  constructor(private readonly options: Options) {}

  /** Opens a file as a model; what fails is told in the engine's store, with what a person can choose about it. */
  async open(file: File, choice: FileChoice): Promise<void> {
    const { client, engine, steps, onOpened } = this.options;
    this.underWay?.abort();
    const mine = new AbortController();
    this.underWay = mine;
    engine.setState({ error: null });
    const step = steps.begin({ kind: 'opening', subject: file.name, cancel: () => mine.abort() });
    let how: StepEnd = 'done';
    try {
      const info = await client.open(file, {
        choice,
        signal: mine.signal,
        onProgress: (progress) => step.progress(progress),
      });
      addOpened(engine, info);
      if (this.underWay === mine) onOpened(info);
    } catch (error) {
      how = endOf(error);
      if (this.underWay === mine) this.tell(file, choice, error);
    } finally {
      if (this.underWay === mine) this.underWay = null;
      step.end(how);
    }
  }

  /** Some files need a person to choose, which network is meant for one: then the line asks. */
  private tell(file: File, choice: FileChoice, error: unknown): void {
    const { engine } = this.options;
    fail(engine, 'opening', error);
    const { choose } = asInnateError(error).detail;
    const failed = engine.getState().error;
    if (choose && failed) engine.setState({ error: { ...failed, choose: { ...choose, file, choice } } });
  }
}
