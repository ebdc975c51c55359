import { ChevronLeft, ChevronRight } from 'lucide-react';
import { Fragment, useEffect, useMemo, useRef } from 'react';
import { DECIBEL, type LayersView } from '../../state/layers/view';
import { Facts } from '../../ui/Facts';
import { formatValue } from '../../ui/format';
import type { Ramp } from '../../ui/ramp';
import { Slider } from '../../ui/Slider';
import { type MapStatistics, paintChannel, scaleLimit, statistics } from './channels';
import type { Maps } from './types';
import { useLayersController } from './use-layers';
import './Channels.css';

/** Channels of a page: four rows of six. */
const PAGE = 24;
const TILE = 64;

interface Props {
  maps: Maps;
  versus: Maps | null;
  /** They are not, or not yet, of the present settings. */
  stale: boolean;
  /** What a set is of. */
  nameOf: (maps: Maps) => string;
  view: LayersView;
  ramp: Ramp;
}

/** The feature maps of one layer, a page of channels at a time, and a second set beside them. */
export function Channels({ maps, versus, stale, nameOf, view, ramp }: Props) {
  const layers = useLayersController();
  const channel = Math.min(view.channel, maps.channels - 1);
  const first = Math.floor(channel / PAGE) * PAGE;
  const last = Math.min(maps.channels, first + PAGE) - 1;
  return (
    <section
      className={stale ? 'channels-part awaited' : 'channels-part'}
      aria-label="Feature maps"
      aria-busy={stale}
    >
      <header className="part-head">
        <h3>Channels</h3>
        <label className="check">
          <input
            type="checkbox"
            checked={view.normalise}
            onChange={(event) => layers.set({ normalise: event.currentTarget.checked })}
          />
          Normalise
        </label>
        <Pager first={first} last={last} count={maps.channels} />
      </header>
      {[maps, ...(versus ? [versus] : [])].map((set, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the first is the set, the second what stands beside it
        <Fragment key={i}>
          {versus && <p className="caption">{nameOf(set)}</p>}
          <Tiles
            maps={set}
            first={first}
            last={Math.min(last, set.channels - 1)}
            view={view}
            channel={channel}
            ramp={ramp}
            of={nameOf(set)}
          />
          <Statistics maps={set} channel={Math.min(channel, set.channels - 1)} />
        </Fragment>
      ))}
      <Brightness decibel={view.decibel} />
    </section>
  );
}

/** Which channels are shown, and the way to the page before and after. */
function Pager({ first, last, count }: { first: number; last: number; count: number }) {
  const layers = useLayersController();
  const turn = (by: number) => layers.set({ channel: first + by * PAGE });
  return (
    <span className="pager">
      <button
        type="button"
        className="icon-button"
        aria-label="Earlier channels"
        disabled={first === 0}
        onClick={() => turn(-1)}
      >
        <ChevronLeft aria-hidden />
      </button>
      <span className="caption">
        {first} to {last} of {count}
      </span>
      <button
        type="button"
        className="icon-button"
        aria-label="Later channels"
        disabled={last >= count - 1}
        onClick={() => turn(1)}
      >
        <ChevronRight aria-hidden />
      </button>
    </span>
  );
}

function Brightness({ decibel }: { decibel: number }) {
  const layers = useLayersController();
  return (
    <Slider
      compact
      label="Brightness"
      value={decibel}
      min={DECIBEL.min}
      max={DECIBEL.max}
      step={1}
      ticks={BRIGHTNESS_TICKS}
      valueText={`${decibel} decibels`}
      format={(v) => `${v} dB`.replace('-', '−')}
      onChange={(value) => layers.set({ decibel: Math.round(value) })}
      reset={{
        label: 'Reset brightness to 0 dB',
        changed: decibel !== 0,
        onReset: () => layers.set({ decibel: 0 }),
      }}
    />
  );
}

const BRIGHTNESS_TICKS = [-40, -30, -20, -10, 0, 10, 20, 30, 40].map((value) =>
  value % 20 === 0 ? { value, label: String(value) } : { value },
);

interface TilesProps {
  maps: Maps;
  first: number;
  last: number;
  view: LayersView;
  channel: number;
  ramp: Ramp;
  of: string;
}

function Tiles({ maps, first, last, view, channel, ramp, of }: TilesProps) {
  const layers = useLayersController();
  const shown = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  return (
    <ul className="tiles">
      {shown.map((c) => (
        <li key={c}>
          <Tile maps={maps} channel={c} view={view} ramp={ramp} name={`${of}, channel ${c}`} />
          <button
            type="button"
            aria-pressed={c === channel}
            aria-label={`Channel ${c}`}
            onClick={() => layers.set({ channel: c })}
          />
        </li>
      ))}
    </ul>
  );
}

interface TileProps {
  maps: Maps;
  channel: number;
  view: LayersView;
  ramp: Ramp;
  name: string;
}

function Tile({ maps, channel, view, ramp, name }: TileProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { normalise, decibel } = view;
  const limit = useMemo(
    () => scaleLimit(maps, channel, normalise, decibel),
    [maps, channel, normalise, decibel],
  );
  useEffect(() => {
    const element = canvas.current!;
    element.width = maps.size;
    element.height = maps.size;
    const pixels = paintChannel(maps, channel, limit, ramp);
    element.getContext('2d')?.putImageData(new ImageData(pixels, maps.size, maps.size), 0, 0);
  }, [maps, channel, limit, ramp]);
  return (
    <canvas
      ref={canvas}
      className="picture"
      role="img"
      aria-label={name}
      style={{ inlineSize: TILE, blockSize: TILE }}
    />
  );
}

function Statistics({ maps, channel }: { maps: Maps; channel: number }) {
  const all = useMemo(() => statistics(maps, null), [maps]);
  const one = useMemo(() => statistics(maps, channel), [maps, channel]);
  return (
    <Facts
      facts={[
        [`All ${maps.channels}`, <Moments key="all" {...all} />],
        [`Channel ${channel}`, <Moments key="one" {...one} />],
      ]}
    />
  );
}

function Moments({ mean, std, max }: MapStatistics) {
  return (
    <>
      <span className="caption">mean</span> {formatValue(mean)} <span className="caption">std</span>{' '}
      {formatValue(std)} <span className="caption">max</span> {formatValue(max)}
    </>
  );
}
