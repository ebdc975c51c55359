import { Segmented } from './Segmented';

/** Where published one-step networks start. */
const STARTS = [
  { sigma: 80, title: 'EDM, GDD, DMD2 and ECT start here' },
  { sigma: 2.5, title: 'SiD, SiDA and SiD2A start here' },
];

interface Props {
  value: number;
  onChange: (sigma: number) => void;
}

/** Where one step of an opened network starts: its file may not say. */
export function StartSigma({ value, onChange }: Props) {
  const known = STARTS.some(({ sigma }) => sigma === value);
  const starts = known ? STARTS : [...STARTS, { sigma: value, title: 'As its file says' }];
  return (
    <div className="field">
      <span>One step from sigma</span>
      <Segmented
        label="One step from sigma"
        value={String(value)}
        options={starts.map(({ sigma, title }) => ({ value: String(sigma), label: String(sigma), title }))}
        onChange={(text) => onChange(Number(text))}
      />
    </div>
  );
}
