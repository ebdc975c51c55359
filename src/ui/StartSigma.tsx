import { START_SIGMA } from '../lib/sampling';
import { Segmented } from './Segmented';

/** Where published one-step networks start. */
const STARTS = [
  { sigma: START_SIGMA, title: 'EDM, GDD, DMD2 and ECT start here' },
  { sigma: 2.5, title: 'SiD, SiDA and SiD2A start here' },
];

const KNOWN = {
  file: 'As the file says.',
  name: 'Guessed from the file’s name: SiD, SiDA and SiD2A start at 2.5.',
  person: null,
  unsaid: `The file does not say; most start at ${START_SIGMA}, SiD at 2.5.`,
};

interface Props {
  value: number;
  /** How it is known. */
  from: keyof typeof KNOWN;
  /** Noise level of a two-step student's second step; null where it has one step. */
  second: number | null;
  onChange: (sigma: number) => void;
}

/** Where one step of an opened network starts, or the first of two: its file may not say. */
export function StartSigma({ value, from, second, onChange }: Props) {
  const label = second === null ? 'One step from sigma' : 'First step from sigma';
  const known = STARTS.some(({ sigma }) => sigma === value);
  const starts = known ? STARTS : [...STARTS, { sigma: value, title: 'As it was made' }];
  return (
    <div className="start-sigma">
      <div className="field">
        <span>{label}</span>
        <Segmented
          label={label}
          value={String(value)}
          options={starts.map(({ sigma, title }) => ({ value: String(sigma), label: String(sigma), title }))}
          onChange={(text) => onChange(Number(text))}
        />
      </div>
      {KNOWN[from] && <p className="caption">{KNOWN[from]}</p>}
      {second !== null && (
        <p className="caption">A two-step student: its second step is at sigma {second}.</p>
      )}
    </div>
  );
}
