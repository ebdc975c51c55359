import { useRef } from 'react';
import { nearestLevel, sigmaText } from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';
import { type Ramps, rampColour } from '../../ui/ramp';
import { Segmented } from '../../ui/Segmented';
import { useSpace } from '../../ui/use-space';
import type { Findings } from './types';
import { useLayersController } from './use-layers';
import './Frequencies.css';

interface Line {
  name: string;
  colour: string;
  dash: string;
  /** Power by ring, from one cycle an image. */
  power: number[];
  strong: boolean;
}

const HEIGHT = 120;
const LOWEST_DB = -70;
const GRID_DB = [0, -20, -40, -60];

interface Props {
  findings: Findings;
  view: LayersView;
  ramps: Ramps;
}

/** Radial power spectra: of the denoised image, or of what the chosen block adds, at a few noise levels. */
export function Frequencies({ findings, view, ramps }: Props) {
  const layers = useLayersController();
  const { sigmas, rows } = findings;
  const block = rows.findIndex((r) => r.name === view.row && r.part === null);
  const of = view.frequencies === 'block' && block >= 0 ? block : 'image';
  const lines = linesOf(findings, of, nearestLevel(sigmas, view.at), ramps);
  return (
    <section className="frequencies" aria-label="Frequencies">
      <header className="part-head">
        <h3>Frequencies</h3>
        <Segmented
          label="Spectrum of"
          value={of === 'image' ? 'image' : 'block'}
          options={[
            { value: 'image', label: 'Denoised image', title: 'What the network makes of its input' },
            {
              value: 'block',
              label: 'What the block adds',
              title: 'The chosen block’s contribution, averaged over its channels',
              disabled: block < 0,
            },
          ]}
          onChange={(frequencies) => layers.set({ frequencies })}
        />
      </header>
      {lines.length === 0 ? (
        <p className="caption">Measured with the whole map.</p>
      ) : (
        <>
          <Spectrum lines={lines} />
          <Key lines={lines} />
        </>
      )}
    </section>
  );
}

/** Power in decibels below the strongest, over the rings of the spectrum, both logarithmic. */
function Spectrum({ lines }: { lines: readonly Line[] }) {
  const area = useRef<HTMLDivElement>(null);
  const width = useSpace(area)?.width ?? 0;
  const most = Math.max(1e-30, ...lines.flatMap((l) => l.power));
  const rings = lines[0]?.power.length ?? 0;
  const decibel = (p: number) => Math.max(LOWEST_DB, 10 * Math.log10(Math.max(p, 1e-30) / most));
  const x = (ring: number) => (rings > 1 ? (Math.log2(ring) / Math.log2(rings)) * width : 0);
  const y = (db: number) => (db / LOWEST_DB) * HEIGHT;
  // The last label names the unit and needs its room.
  const ticks = Array.from({ length: 7 }, (_, i) => 2 ** i).filter(
    (t) => t === rings || (t < rings && x(t) < width - (width > 300 ? 120 : 30)),
  );
  const spoken = ({ name, power }: Line) =>
    `${name}: ${Math.round(decibel(power[0]!))} dB coarse, ${Math.round(decibel(power.at(-1)!))} dB fine`;
  return (
    <div className="spectrum">
      <div className="spectrum-y" aria-hidden>
        {GRID_DB.map((db) => (
          <span key={db} style={{ insetBlockStart: y(db) }}>
            {db === 0 ? '0 dB' : `−${-db}`}
          </span>
        ))}
      </div>
      <div ref={area} className="spectrum-area">
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`Power from 1 to ${rings} cycles an image; ${lines.map(spoken).join('; ')}`}
        >
          {GRID_DB.map((db) => (
            <line key={db} className="grid" x1={0} x2={width} y1={y(db)} y2={y(db)} />
          ))}
          {lines.map((l) => (
            <polyline
              key={l.name}
              points={l.power.map((p, i) => `${x(i + 1).toFixed(1)},${y(decibel(p)).toFixed(1)}`).join(' ')}
              style={{ stroke: l.colour, strokeDasharray: l.dash, strokeWidth: l.strong ? 2.5 : 1.5 }}
            />
          ))}
        </svg>
      </div>
      <div className="spectrum-x" aria-hidden>
        {ticks.map((t) => (
          <span
            key={t}
            className={t === rings ? 'end' : t === 1 ? 'start' : undefined}
            style={{ insetInlineStart: x(t) }}
          >
            {t === rings && width > 300 ? `${t} cycles an image` : t}
          </span>
        ))}
      </div>
    </div>
  );
}

/** The spectra of the image, or of what a block adds, at a few levels and at the chosen one; the student's last. */
function linesOf(
  { table, student, sigmas }: Findings,
  of: Parameters<Findings['table']['spectrum']>[0],
  chosen: number,
  ramps: Ramps,
): Line[] {
  const spread = [
    0,
    Math.round(sigmas.length * 0.25),
    Math.round(sigmas.length * 0.5),
    Math.round(sigmas.length * 0.75),
  ];
  const levels = [...new Set([...spread, chosen])].sort((a, b) => a - b);
  const own = student?.spectrum(of, 0);
  return [
    ...levels.flatMap((level) => {
      const power = table.spectrum(of, level);
      return power
        ? [
            {
              name: sigmaText(sigmas[level]!),
              colour: rampColour(ramps.sequential, 0.35 + (0.65 * level) / Math.max(1, sigmas.length - 1)),
              dash: 'none',
              power: power.slice(1),
              strong: level === chosen,
            },
          ]
        : [];
    }),
    ...(student && own
      ? [
          {
            name: `student ${sigmaText(student.sigmas[0]!)}`,
            colour: 'var(--cat-1)',
            dash: '6 3',
            power: own.slice(1),
            strong: false,
          },
        ]
      : []),
  ];
}

function Key({ lines }: { lines: readonly Line[] }) {
  return (
    <ul className="spectrum-key">
      {lines.map((l) => (
        <li key={l.name} className={l.strong ? 'chosen' : undefined}>
          <svg width="18" height="3" aria-hidden="true">
            <line x1="0" x2="18" y1="1.5" y2="1.5" style={{ stroke: l.colour, strokeDasharray: l.dash }} />
          </svg>
          {l.name}
        </li>
      ))}
    </ul>
  );
}
