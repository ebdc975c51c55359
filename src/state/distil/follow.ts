import type { CurvePoint } from '../../distil/curve';
import { asInnateError } from '../../lib/errors';
import type { DistilEvent, DistilResult } from '../../protocol/distil';
import type { Stores } from '../app-state';
import { addOpened } from '../engine';
import { Pace } from './pace';
import { MAX_SNAPSHOTS } from './setup';
import { addSnapshot, type DistilRunState, rewind } from './store';

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
  { stores, nextFrame, now, onEnd }: Following,
): void {
  const { distil } = stores;
  const { history } = run;
  const pace = new Pace();
  let scheduled = false;
  /** Another run, or this one again, may have taken its place. */
  const mine = () => distil.getState().run?.history === history;
  const current = () => distil.getState().run!;
  const update = (change: Partial<DistilRunState>) => {
    if (mine()) distil.setState((s) => ({ run: { ...s.run!, ...change } }));
  };
  /** Points may come faster than a screen shows them: at most one update a frame. */
  const grown = () => {
    if (scheduled) return;
    scheduled = true;
    nextFrame(() => {
      scheduled = false;
      if (mine()) update({ version: current().version + 1, pace: pace.value, beside: pace.beside });
    });
  };

  const onEvent = (event: DistilEvent) => {
    switch (event.kind) {
      case 'phase':
        if (event.phase === 'paused') pace.pause();
        if (event.phase === 'running') pace.resume(now(), history.points.at(-1)?.images ?? 0);
        update({
          phase: event.phase,
          asked: null,
          preparing: null,
          ...(event.error !== null && { error: event.error, wayBack: event.wayBack }),
        });
        return;
      case 'preparing':
        update({ preparing: { what: event.what, done: event.done, total: event.total } });
        return;
      case 'plan':
        update({ plan: event.plan });
        return;
      case 'point': {
        history.points.push(event.point);
        if (!mine()) return;
        const { phase, asked, preparing } = current();
        if (phase === 'running')
          pace.step(now(), event.point.images, secondsOf(event.point, current().config.batch));
        if (asked?.startsWith('step')) update({ asked: null });
        if (preparing) update({ preparing: null });
        update({ memoryBytes: event.memoryBytes, peakBytes: event.peakBytes });
        grown();
        return;
      }
      case 'samples':
        addSnapshot(history.snapshots, event, MAX_SNAPSHOTS);
        grown();
        return;
      case 'students': {
        const kept = new Set(event.images);
        let thinned = false;
        for (const snapshot of history.snapshots) {
          if (snapshot.student && !kept.has(snapshot.images)) thinned = true;
          snapshot.student = kept.has(snapshot.images);
        }
        if (thinned) update({ thinned });
        grown();
        return;
      }
      case 'saved':
        update({ saved: { images: event.images, at: now() } });
        return;
      case 'rewound':
        rewind(history, event.iteration, event.images);
        pace.pause();
        grown();
        return;
      case 'notice': {
        const { text, topic } = event;
        if (mine()) update({ notices: { ...current().notices, [topic]: text ?? undefined } });
      }
    }
  };

  call(onEvent).then(
    (result) => {
      update({ phase: result.phase, asked: null, preparing: null, result, ended: true });
      if (result.student) addOpened(stores.engine, result.student);
      onEnd();
    },
    (error) => {
      const known = asInnateError(error, 'backend');
      const cancelled = known.code === 'cancelled';
      update({
        phase: cancelled ? 'stopped' : 'failed',
        asked: null,
        preparing: null,
        error: cancelled ? null : known.describe(),
        ended: true,
      });
      onEnd();
    },
  );
}

/** What the engine says that a step and what followed it have taken. */
const secondsOf = (point: CurvePoint, batch: number): number =>
  batch / point.imagesPerSecond + (point.measureSeconds ?? 0) + (point.sampleSeconds ?? 0);
