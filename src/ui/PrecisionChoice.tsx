import type { WeightPrecision } from '../lib/backends';
import { Segmented } from './Segmented';

type Choice = 'auto' | WeightPrecision;

const OPTIONS: { value: Choice; label: string; title: string }[] = [
  { value: 'auto', label: 'Auto', title: 'Half precision if the file has it' },
  { value: 'f32', label: 'float32', title: 'Exact, but twice the memory' },
  {
    value: 'f16',
    label: 'float16',
    title: 'Half the memory; pixels differ by at most one or two grey levels',
  },
];

export function PrecisionChoice({ value, onChange }: { value: Choice; onChange: (value: Choice) => void }) {
  return <Segmented label="Weights on the GPU" value={value} options={OPTIONS} onChange={onChange} />;
}
