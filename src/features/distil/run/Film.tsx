import { useEffect, useId, useRef } from 'react';
import type { StudentNfe } from '../../../distil/config';
import { nearestSnapshot, type Snapshot } from '../../../state/distil/store';
import { formatWhole } from '../../../ui/format';
import { NumberField } from '../../../ui/NumberField';
import { ResetButton, Slider } from '../../../ui/Slider';
import { useSpace } from '../../../ui/use-space';
import { frames } from './frames';

/** Edge of a picture in the strip, CSS pixels, and the space between two. */
const EDGE = 64;
const GAP = 1;
const ROWS = 3;

interface Props {
  /** Evaluations for an image. */
  nfe: StudentNfe;
  snapshots: readonly Snapshot[];
  /** Says that the list has changed: it is one list that grows. */
  version: number;
  index: number;
  onPick: (index: number) => void;
}

/** The first seeds through time, as far as there is room, and the slider that moves through all snapshots. */
export function Film({ nfe, snapshots, index, onPick }: Props) {
  const id = useId();
  const room = useRef<HTMLDivElement>(null);
  const width = useSpace(room)?.width ?? 0;
  const most = Math.max(2, Math.floor((width + GAP) / (EDGE + GAP)));
  const shown = frames(snapshots.length, most);
  const length = (shown.length - 1) * (EDGE + GAP);
  const last = snapshots.length - 1;
  // The column that the marker is over: the nearest of those that are shown.
  const here = shown.reduce(
    (best, s, i) => (Math.abs(s - index) < Math.abs(shown[best]! - index) ? i : best),
    0,
  );
  return (
    <div className="part-film">
      <header className="part">
        <h3>The same seeds through time</h3>
        <p className="caption">0 images: {nfe === 2 ? 'two steps' : 'one step'} of the teacher</p>
        <span className="film-at caption">
          after
          <NumberField
            label="Snapshot value"
            value={snapshots[index]?.images ?? 0}
            min={0}
            max={snapshots[last]?.images ?? 0}
            whole
            onCommit={(images) => onPick(nearestSnapshot(snapshots, images))}
          />
          images
          <ResetButton
            of={id}
            label="Back to the newest snapshot"
            changed={index !== last}
            onReset={() => onPick(last)}
          />
        </span>
      </header>
      <div ref={room} className="film" aria-hidden>
        {width > 0 &&
          shown.map((s, i) => (
            <button
              key={snapshots[s]!.images}
              type="button"
              tabIndex={-1}
              data-here={i === here || undefined}
              onClick={() => onPick(s)}
            >
              <Column snapshot={snapshots[s]!} />
            </button>
          ))}
      </div>
      <div className="scrub" style={{ inlineSize: length + 12, marginInlineStart: (EDGE - 12) / 2 }}>
        <Slider
          apart={id}
          label="Snapshot"
          value={index}
          min={0}
          max={last}
          step={1}
          ticks={shown.map((s, i) => ({
            value: s,
            ...(labelled(i, shown.length) && { label: formatWhole(snapshots[s]!.images) }),
          }))}
          valueText={`after ${formatWhole(snapshots[index]?.images ?? 0)} images`}
          onChange={(value) => onPick(Math.round(value))}
        />
      </div>
    </div>
  );
}

/** Every label where there is room for it; both ends always. */
const labelled = (i: number, count: number) =>
  i === 0 || i === count - 1 || count <= 7 || (i % 2 === 0 && i < count - 2);

/** One moment: the first seeds above each other, each pixel a square. */
function Column({ snapshot }: { snapshot: Snapshot }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { pixels, resolution } = snapshot;
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const rows = Math.min(ROWS, pixels.length / (resolution ** 2 * 4));
    // Seeds lie one after the other, so several of them are one tall image.
    const part = pixels.subarray(0, rows * resolution ** 2 * 4);
    context.putImageData(new ImageData(part, resolution, rows * resolution), 0, 0);
  }, [pixels, resolution]);
  return (
    <canvas
      ref={canvas}
      className="picture"
      width={resolution}
      height={ROWS * resolution}
      style={{ inlineSize: EDGE, blockSize: ROWS * EDGE }}
    />
  );
}
