import type { EngineState, EngineStore } from './engine';

type Kind = NonNullable<EngineState['work']>['kind'];

/** The work line tells the first of these that is under way, until it is over. */
const ORDER: readonly Kind[] = ['starting', 'opening', 'exporting', 'generating'];

interface Task {
  subject: string;
  cancel: (() => void) | undefined;
}

/** What is under way, at most one of each kind, and which of it the engine's store tells. */
export class Work {
  private readonly tasks = new Map<Kind, Task>();

  constructor(private readonly engine: EngineStore) {}

  /**
   * Takes the place of other work of that kind. `subject` is what it works on, for people; `cancel` ends it where who
   * began it alone can.
   */
  begin(kind: Kind, subject: string, cancel?: () => void): void {
    this.tasks.set(kind, { subject, cancel });
    this.show();
  }

  end(kind: Kind): void {
    this.tasks.delete(kind);
    this.show();
  }

  /** Cancels the work that the line is about; false where that is not for it to do. */
  cancel(): boolean {
    const kind = this.told();
    const cancel = kind === null ? undefined : this.tasks.get(kind)?.cancel;
    cancel?.();
    return cancel !== undefined;
  }

  /** Whether the work line is about that kind, so that its progress may be shown. */
  tells(kind: Kind): boolean {
    return this.told() === kind;
  }

  private told(): Kind | null {
    return ORDER.find((kind) => this.tasks.has(kind)) ?? null;
  }

  private show(): void {
    const kind = this.told();
    const { work, progress } = this.engine.getState();
    const subject = kind === null ? '' : this.tasks.get(kind)!.subject;
    // A newer request for images has made nothing yet; what else is still the same has its progress.
    const goesOn = kind !== 'generating' && kind === work?.kind && subject === work.subject;
    this.engine.setState({
      work: kind && { kind, subject, cancellable: kind !== 'starting' },
      progress: goesOn ? progress : null,
    });
  }
}
