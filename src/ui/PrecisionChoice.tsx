import { Segmented } from './Segmented';

type Choice = 'auto' | 'f32' | 'f16';

const OPTIONS: { value: Choice; label: string; title: string }[] = [
  { value: 'auto', label: 'Auto', title: 'Half precision where the file itself is' },
  { value: 'f32', label: 'float32', title: 'Exact, twice the memory' },
  {
    value: 'f16',
    label: 'float16',
    title: 'Half the memory; images differ by less than a grey level or two',
  },
];

export function PrecisionChoice({ value, onChange }: { value: Choice; onChange: (value: Choice) => void }) {
  return <Segmented label="Weights on the GPU" value={value} options={OPTIONS} onChange={onChange} />;
}
