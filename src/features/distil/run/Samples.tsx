import { useMemo, useRef, useState } from 'react';
import { asInnateError } from '../../../lib/errors';
import { expectation } from '../../../state/distil/expectation';
import { type DistilRunState, imagesSeen, type Snapshot } from '../../../state/distil/store';
import { imageName } from '../../../state/models';
import { useApp } from '../../../state/react';
import { formatWhole } from '../../../ui/format';
import { layOut } from '../../../ui/grid-layout';
import type { Picture, PictureSource } from '../../../ui/PictureCanvas';
import { NARROW, useMedia, useSpace } from '../../../ui/use-space';
import { Film } from './Film';
import { FreezeMap } from './FreezeMap';
import { SampleGrid } from './SampleGrid';

interface Props {
  run: DistilRunState;
  /** The index of the snapshot that is looked at; -1 before the first one. */
  index: number;
  pick: (images: number | null) => void;
}

/** The student's images of the same seeds, at one moment and through time. */
export function Samples({ run, index, pick }: Props) {
  const { snapshots } = run.history;
  const snapshot = snapshots[index] ?? null;
  const nothing = run.ended && snapshots.length === 0;
  const seeds = run.request.sampleSeeds;
  const { name } = run.about;
  const pictures = useMemo(
    () => (snapshot ? picturesOf(snapshot, seeds, name) : []),
    [snapshot, seeds, name],
  );
  const source = useMemo<PictureSource>(
    () => ({ get: (i) => pictures[i] ?? null, subscribe: () => () => {} }),
    [pictures],
  );
  const narrow = useMedia(NARROW);
  const room = useRef<HTMLDivElement>(null);
  const space = useSpace(room);
  const across = narrow ? 3 : 6;
  const layout =
    space &&
    layOut({
      width: space.width,
      height: null,
      count: seeds.length,
      resolution: snapshot?.resolution ?? run.about.resolution,
      gap: narrow ? 3 : 4,
      ratio: devicePixelRatio,
      columns: across,
    });
  const expected = expectation(run, imagesSeen(run));
  return (
    <section className="run-left" aria-label="Samples">
      <header className="part">
        <h3>Samples on fixed seeds</h3>
        <p className="caption">
          {nothing ? 'No samples were made.' : caption(snapshot, index === snapshots.length - 1, run.config)}
        </p>
        {snapshot && <KeepMoment run={run} snapshot={snapshot} newest={index === snapshots.length - 1} />}
      </header>
      {expected && <p className="caption expected">{expected}</p>}
      <div ref={room} className="sample-room">
        {layout && !nothing && (
          <SampleGrid
            label="Samples on fixed seeds"
            seeds={seeds}
            source={source}
            columns={Math.min(across, layout.columns)}
            size={layout.size}
          />
        )}
      </div>
      {snapshots.length > 1 && (
        <Film
          nfe={run.config.nfe}
          snapshots={snapshots}
          version={run.version}
          index={index}
          onPick={(i) => pick(i >= snapshots.length - 1 ? null : snapshots[i]!.images)}
        />
      )}
      {run.plan && <FreezeMap plan={run.plan} />}
      {!run.ended && (
        <p className="caption footnote">
          The run continues while you use other tabs, and saves itself in this browser.
          {run.thinned && ' Older moments made room: not every one has its student any more.'}
        </p>
      )}
    </section>
  );
}

/** Any moment may be the student: its weights are kept beside its images. */
function KeepMoment({ run, snapshot, newest }: { run: DistilRunState; snapshot: Snapshot; newest: boolean }) {
  const { controller, announce } = useApp();
  const [busy, setBusy] = useState(false);
  if (snapshot.images === 0 || (newest && run.ended)) return null;
  const use = async () => {
    setBusy(true);
    try {
      await controller.distil.showStudent(snapshot.images);
    } catch (error) {
      announce(asInnateError(error).describe());
    }
    setBusy(false);
  };
  return (
    <button
      type="button"
      className="button"
      disabled={!snapshot.student || busy}
      title={snapshot.student ? undefined : 'No student was kept for this moment'}
      onClick={() => void use()}
    >
      Use this moment in Generate
    </button>
  );
}

function caption(snapshot: Snapshot | null, newest: boolean, { nfe }: DistilRunState['config']): string {
  const steps = nfe === 2 ? 'two steps' : 'one step';
  if (!snapshot) return `First the teacher’s own images, in ${steps}.`;
  if (snapshot.images === 0) return `The start: ${steps} of the teacher`;
  return `After ${formatWhole(snapshot.images)} images${newest ? ', the newest' : ''}. Averaged weights, ${nfe === 2 ? 'two evaluations' : 'one evaluation'}`;
}

function picturesOf(snapshot: Snapshot, seeds: readonly number[], name: string): Picture[] {
  const { pixels, resolution, images } = snapshot;
  const size = resolution ** 2 * 4;
  return seeds.map((seed, i) => ({
    pixels: pixels.subarray(i * size, (i + 1) * size),
    resolution,
    name: `${imageName(name, seed, null)}, after ${images} images`,
  }));
}
