import type { CurvePoint } from '../../distil/curve';
import { asInnateError } from '../../lib/errors';
import type { DistilEvent, DistilResult } from '../../protocol/distil';
import { distancesUpTo } from '../../protocol/run-distances';
import type { Stores } from '../app-state';
import { addOpened } from '../engine';
import { Pace } from './pace';
import { MAX_SNAPSHOTS } from './setup';
import { addSnapshot, type DistilRunState, rewind, type Snapshot } from './store';

interface Following {
  stores: Pick<Stores, 'distil' | 'engine'>;
  nextFrame: (callback: () => void) => void;
  now: () => number;
  /** The call has come back. */
  onEnd: () => void;
}

/** Follows one call of the engine from its request to its end, in the run that the store holds. */
export function followRun(
  run: DistilRunState,
  call: (onEvent: (event: DistilEvent) => void) => Promise<DistilResult>,
  following: Following,
): void {
  const follower = new Follower(run, following);
  call((event) => follower.take(event)).then(
    (result) => follower.end(result),
    (error) => follower.fail(error),
  );
}

type EventOf<K extends DistilEvent['kind']> = Extract<DistilEvent, { kind: K }>;

/** What the events of one call do to its run. */
class Follower {
  private readonly pace = new Pace();
  private scheduled = false;

  constructor(
    private readonly run: DistilRunState,
    private readonly following: Following,
  ) {}

  take(event: DistilEvent): void {
    switch (event.kind) {
      case 'phase':
        this.phase(event);
        break;
      case 'preparing':
        this.update({ preparing: { what: event.what, done: event.done, total: event.total } });
        break;
      case 'plan':
        this.update({ plan: event.plan });
        break;
      case 'point':
        this.point(event);
        break;
      case 'samples':
        addSnapshot(this.run.history.snapshots, event, MAX_SNAPSHOTS);
        this.grown();
        break;
      case 'students':
        this.students(event);
        break;
      case 'saved':
        this.update({ saved: { images: event.images, at: this.following.now() } });
        break;
      case 'rewound':
        rewind(this.run.history, event.iteration, event.images);
        this.update({ distances: distancesUpTo(this.current?.distances ?? [], event.images) });
        this.pace.pause();
        this.grown();
        break;
      case 'notice':
        this.notice(event);
        break;
    }
  }

  end(result: DistilResult): void {
    const { stores, onEnd } = this.following;
    this.update({ phase: result.phase, asked: null, preparing: null, result, ended: true });
    if (result.student) addOpened(stores.engine, result.student);
    onEnd();
  }

  fail(error: unknown): void {
    const known = asInnateError(error, 'backend');
    const cancelled = known.code === 'cancelled';
    this.update({
      phase: cancelled ? 'stopped' : 'failed',
      asked: null,
      preparing: null,
      error: cancelled ? null : known.describe(),
      ended: true,
    });
    this.following.onEnd();
  }

  private phase({ phase, error, wayBack }: EventOf<'phase'>): void {
    const { points } = this.run.history;
    if (phase === 'paused') this.pace.pause();
    if (phase === 'running') this.pace.resume(this.following.now(), points.at(-1)?.images ?? 0);
    this.update({ phase, asked: null, preparing: null, ...(error !== null && { error, wayBack }) });
  }

  private point({ point, memoryBytes, peakBytes }: EventOf<'point'>): void {
    this.run.history.points.push(point);
    const { current } = this;
    if (!current) return;
    const { phase, asked, config } = current;
    if (phase === 'running')
      this.pace.step(this.following.now(), point.images, secondsOf(point, config.batch));
    this.update({
      ...(asked?.startsWith('step') && { asked: null }),
      preparing: null,
      memoryBytes,
      peakBytes,
    });
    this.grown();
  }

  private students({ images }: EventOf<'students'>): void {
    const kept = new Set(images);
    const gone = (snapshot: Snapshot) => snapshot.student && !kept.has(snapshot.images);
    const { snapshots } = this.run.history;
    if (snapshots.some(gone)) this.update({ thinned: true });
    for (const snapshot of snapshots) snapshot.student = kept.has(snapshot.images);
    this.grown();
  }

  private notice({ topic, text }: EventOf<'notice'>): void {
    const { current } = this;
    if (current) this.update({ notices: { ...current.notices, [topic]: text ?? undefined } });
  }

  /** The run as the store holds it; null where another run, or this one again, has taken its place. */
  private get current(): DistilRunState | null {
    const { run } = this.following.stores.distil.getState();
    return run?.history === this.run.history ? run : null;
  }

  private update(change: Partial<DistilRunState>): void {
    const { current } = this;
    if (current) this.following.stores.distil.setState({ run: { ...current, ...change } });
  }

  /** Points may come faster than a screen shows them: at most one update a frame. */
  private grown(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.following.nextFrame(() => {
      this.scheduled = false;
      const { current, pace } = this;
      if (current) this.update({ version: current.version + 1, pace: pace.value, beside: pace.beside });
    });
  }
}

/** What the engine says that a step and what followed it have taken. */
const secondsOf = (point: CurvePoint, batch: number): number =>
  batch / point.imagesPerSecond + (point.measureSeconds ?? 0) + (point.sampleSeconds ?? 0);
