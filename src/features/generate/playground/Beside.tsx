import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { BesideImage, BesideState } from '../../../state/beside/store';
import { useApp, usePrefs, useView } from '../../../state/react';
import { Evaluations } from '../../../ui/Evaluations';
import { formatMs } from '../../../ui/format';
import { PictureCanvas } from '../../../ui/PictureCanvas';
import './beside.css';

const SIDES = { student: 'Student', teacher: 'Teacher' } as const;

/** The selected image by the student and by its teacher, each with what it took by itself. */
export default function Beside() {
  const { controller, stores } = useApp();
  const state = useStore(stores.beside);
  const count = useView((v) => v.count);
  const smooth = usePrefs((p) => p.smooth);
  return (
    <div className={smooth ? 'pair smooth' : 'pair'}>
      <Side side="student" state={state} />
      <Side side="teacher" state={state} />
      {state.error && <p className="caption pair-error">{state.error.describe()}</p>}
      <button type="button" className="link pair-all" onClick={controller.beside.compareAll}>
        {count === 1 ? 'Both in Compare' : `All ${count} in Compare`}
      </button>
    </div>
  );
}

const NEVER = () => () => {};

function Side({ side, state }: { side: keyof typeof SIDES; state: BesideState }) {
  const made = state[side];
  const fresh = made !== null && made.key === state.wanted?.[side];
  const source = useMemo(() => ({ get: () => made?.picture ?? null, subscribe: NEVER }), [made]);
  return (
    <div className="pair-side" data-stale={(made !== null && !fresh) || undefined}>
      <PictureCanvas source={source} index={0} size={sizeOf(made)} />
      <div>
        <span className={`is-${side} pair-name`}>{SIDES[side]}</span>
        {fresh ? <Took side={side} made={made} /> : <Coming side={side} state={state} />}
      </div>
    </div>
  );
}

function Took({ side, made }: { side: keyof typeof SIDES; made: BesideImage }) {
  const { evaluations } = made.picture.recipe;
  return (
    <>
      <p className="reading">
        {formatMs(made.ms)}
        <small>ms</small>
      </p>
      <span className="caption">{evaluations} NFE</span>
      <Evaluations count={evaluations} role={side} />
    </>
  );
}

/** What is under way: the side that is made first waits for nothing but the images of the view. */
function Coming({ side, state }: { side: keyof typeof SIDES; state: BesideState }) {
  const { progress, student, wanted, error } = state;
  const studentDone = student !== null && student.key === wanted?.student;
  const mine = side === 'student' ? !studentDone : studentDone;
  if (error) return <span className="caption">not made</span>;
  return (
    <span className="caption" role="status">
      {mine && progress?.total
        ? `${progress.what}, ${Math.round((100 * progress.done) / progress.total)} %`
        : 'waiting'}
    </span>
  );
}

/** At most 104 CSS pixels, a whole multiple of the picture's own: its time has room beside it. */
function sizeOf(made: BesideImage | null): number {
  const resolution = made?.picture.resolution ?? 64;
  const multiple = Math.max(1, Math.floor((104 * devicePixelRatio) / resolution));
  return (multiple * resolution) / devicePixelRatio;
}
