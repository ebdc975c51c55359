import { Segmented } from '../../../ui/Segmented';
import { Slider } from '../../../ui/Slider';
import type { XAxis } from './curve-series';

const SMOOTHING = 0.9;

export interface CurveSettings {
  smoothing: number;
  log: boolean;
  axis: XAxis;
}
export const CURVE_SETTINGS: CurveSettings = { smoothing: SMOOTHING, log: false, axis: 'images' };

interface Props {
  value: CurveSettings;
  onChange: (value: CurveSettings) => void;
}

/** How all curves of a view are drawn. */
export function CurveTools({ value, onChange }: Props) {
  const { smoothing, log, axis } = value;
  const set = (change: Partial<CurveSettings>) => onChange({ ...value, ...change });
  return (
    <div className="curve-tools">
      <Slider
        compact
        label="Smoothing"
        value={smoothing}
        min={0}
        max={0.99}
        step={0.01}
        ticks={[0, 0.25, 0.5, 0.75, 0.9, 0.99].map((tick) => ({ value: tick }))}
        onChange={(next) => set({ smoothing: next })}
        reset={{
          label: `Reset smoothing to ${SMOOTHING}`,
          changed: smoothing !== SMOOTHING,
          onReset: () => set({ smoothing: SMOOTHING }),
        }}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={log}
          onChange={(event) => set({ log: event.currentTarget.checked })}
        />
        Log axis
      </label>
      <Segmented
        label="Horizontal axis"
        value={axis}
        options={[
          { value: 'images', label: 'Images', title: 'By real images seen' },
          { value: 'time', label: 'Time', title: 'By training time' },
        ]}
        onChange={(next) => set({ axis: next })}
      />
    </div>
  );
}
