import type { EngineState, EngineStore } from './engine';

type Kind = NonNullable<EngineState['work']>['kind'];

/** The work line tells the first of these that is under way, until it is over. */
const ORDER: readonly Kind[] = ['starting', 'generating'];

/** What the engine does for what is in view, and which of it its store tells. What takes long has a list of its own (long-steps.ts). */
export class Work {
  /** What each works on, for people. */
  private readonly subjects = new Map<Kind, string>();

  constructor(private readonly engine: EngineStore) {}

  /** Takes the place of other work of that kind. */
  begin(kind: Kind, subject: string): void {
    this.subjects.set(kind, subject);
    this.show();
  }

  end(kind: Kind): void {
    this.subjects.delete(kind);
    this.show();
  }

  /** Whether the work line is about that kind, so that its progress may be shown. */
  tells(kind: Kind): boolean {
    return this.told() === kind;
  }

  private told(): Kind | null {
    return ORDER.find((kind) => this.subjects.has(kind)) ?? null;
  }

  private show(): void {
    const kind = this.told();
    const { work, progress } = this.engine.getState();
    const subject = kind === null ? '' : this.subjects.get(kind)!;
    // A newer request for images has made nothing yet; a start that goes on has its progress.
    const goesOn = kind === 'starting' && kind === work?.kind;
    this.engine.setState({
      work: kind && { kind, subject, cancellable: kind !== 'starting' },
      progress: goesOn ? progress : null,
    });
  }
}
