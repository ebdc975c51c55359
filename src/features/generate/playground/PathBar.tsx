import { Pause, Play, X } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { FPS, LEG } from '../../../lib/path';
import type { PathPlayer, PlayerState } from '../../../state/path/player';
import { formatPath, MOST_FRAMES, type PathView, readPath } from '../../../state/path/view';
import { stopLabel } from '../../../state/path/words';
import { useApp } from '../../../state/react';
import { NumberField } from '../../../ui/NumberField';
import { ResetButton, Slider } from '../../../ui/Slider';
import { usePlayer } from './use-player';

/** Plays, scrubs and sets the path. */
export function PathBar({ player }: { player: PathPlayer }) {
  const { stores } = useApp();
  const id = useId();
  const close = () => stores.view.setState({ path: '' });
  return (
    <fieldset className="path-bar">
      <legend className="hidden-text">Path</legend>
      <div className="path-play">
        <PlayButton player={player} />
        <FrameSlider player={player} id={id} />
        <button
          type="button"
          className="icon-button"
          aria-label="Close path"
          title="Close path"
          onClick={close}
        >
          <X aria-hidden />
        </button>
      </div>
      <Settings player={player} slider={id} />
    </fieldset>
  );
}

function PlayButton({ player }: { player: PathPlayer }) {
  const playing = usePlayer((s) => s.playing);
  const none = usePlayer((s) => s.total === 0);
  return (
    <button
      type="button"
      className="button path-button"
      disabled={none}
      aria-keyshortcuts="Space"
      onClick={() => (playing ? player.pause() : player.play())}
    >
      {playing ? <Pause aria-hidden /> : <Play aria-hidden />}
      {playing ? 'Pause' : 'Play'} <kbd aria-hidden>Space</kbd>
    </button>
  );
}

function FrameSlider({ player, id }: { player: PathPlayer; id: string }) {
  const at = usePlayer((s) => s.at);
  const total = usePlayer((s) => s.total);
  const ticks = usePlayer(ticksOf);
  if (total === 0) return null;
  return (
    <Slider
      label="Frame"
      value={at}
      min={0}
      max={total - 1}
      step={1}
      apart={id}
      ticks={JSON.parse(ticks)}
      valueText={`frame ${at + 1} of ${total}`}
      onChange={(frame) => rest(player, frame)}
    />
  );
}

/** Stops at a frame: who sets one wants to look at it. */
function rest(player: PathPlayer, frame: number): void {
  player.pause();
  player.seek(frame);
}

/** More labels than this stand in each other's way. */
const LABELS = 9;

/** A long tick at each stop, a short one halfway; as text, so that it is the same as long as it says the same. */
function ticksOf({ path, total }: PlayerState): string {
  if (!path) return '[]';
  const { leg, stops, loop } = path.shape;
  const ends = Array.from({ length: stops + (loop ? 1 : 0) }, (_, i) => i);
  const every = Math.ceil(ends.length / LABELS);
  const ticks = ends.flatMap((stop) => {
    const value = Math.min(stop * leg, total - 1);
    const label = stop % every === 0 ? stopLabel(path, stop) : undefined;
    const half = value + Math.round(leg / 2);
    const tick = label === undefined ? { value } : { value, label };
    return leg > 1 && half < total - 1 ? [tick, { value: half }] : [tick];
  });
  return JSON.stringify(ticks);
}

/** The slider's numeric twin, and the way back to the start. */
function FrameField({ player, slider }: { player: PathPlayer; slider: string }) {
  const at = usePlayer((s) => s.at);
  const total = usePlayer((s) => s.total);
  if (total === 0) return null;
  return (
    <span className="path-at">
      <Field name="Frame">
        {() => (
          <NumberField
            label="Frame value"
            value={at + 1}
            min={1}
            max={total}
            step={1}
            whole
            onCommit={(frame) => rest(player, frame - 1)}
          />
        )}
      </Field>
      <span className="caption">of {total}</span>
      <ResetButton
        of={slider}
        label="Back to the first frame"
        changed={at > 0}
        onReset={() => rest(player, 0)}
      />
    </span>
  );
}

function Settings({ player, slider }: { player: PathPlayer; slider: string }) {
  const { stores } = useApp();
  const view = usePlayer((s) => s.view) ?? readPath(stores.view.getState().path).path;
  const seconds = usePlayer(({ total, view }) => (view && total > 0 ? total / view.fps : null));
  const stops = usePlayer((s) => s.path?.shape.stops ?? 2);
  if (!view) return null;
  const set = (change: Partial<PathView>) =>
    stores.view.setState({ path: formatPath({ ...view, ...change }) });
  const most = Math.max(LEG.min, Math.min(LEG.max, Math.floor(MOST_FRAMES / stops)));
  return (
    <div className="path-set">
      <FrameField player={player} slider={slider} />
      <Field name="Frames a leg">
        {(label) => (
          <NumberField
            label={label}
            value={view.leg}
            min={LEG.min}
            max={most}
            step={1}
            whole
            onCommit={(leg) => set({ leg })}
          />
        )}
      </Field>
      <Field name="Frames a second">
        {(label) => (
          <NumberField
            label={label}
            value={view.fps}
            min={FPS.min}
            max={FPS.max}
            step={1}
            whole
            onCommit={(fps) => set({ fps })}
          />
        )}
      </Field>
      <Loop on={view.loop} onChange={(loop) => set({ loop })} />
      {seconds !== null && (
        <span className="caption">{`${seconds.toFixed(1)} s${view.loop ? ' a round' : ''}`}</span>
      )}
    </div>
  );
}

function Loop({ on, onChange }: { on: boolean; onChange: (on: boolean) => void }) {
  const id = useId();
  return (
    <label className="check" htmlFor={id}>
      <input
        id={id}
        type="checkbox"
        checked={on}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      Loop
    </label>
  );
}

function Field({ name, children }: { name: string; children: (label: string) => ReactNode }) {
  return (
    <div className="field">
      <span>{name}</span>
      {children(name)}
    </div>
  );
}
