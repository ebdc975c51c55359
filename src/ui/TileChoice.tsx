import { Segmented } from './Segmented';

type Choice = 'auto' | 'shared' | 'register' | 'subgroup';

const OPTIONS: { value: Choice; label: string; title: string }[] = [
  { value: 'auto', label: 'Auto', title: 'What suits the adapter' },
  { value: 'shared', label: 'Shared', title: 'Tiles in shared memory: hardware GPUs' },
  { value: 'register', label: 'Register', title: 'Large tiles in registers: no feature needed' },
  { value: 'subgroup', label: 'Subgroup', title: 'Rows broadcast within subgroups of 8 or 16 lanes' },
];

export function TileChoice({ value, onChange }: { value: Choice; onChange: (value: Choice) => void }) {
  return <Segmented label="Kernels" value={value} options={OPTIONS} onChange={onChange} />;
}
