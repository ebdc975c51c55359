import type { TileChoice as Choice } from '../lib/backends';
import { Segmented } from './Segmented';

const OPTIONS: { value: Choice; label: string; title: string }[] = [
  { value: 'auto', label: 'Auto', title: 'Whatever suits the adapter' },
  { value: 'shared', label: 'Shared', title: 'Tiles in shared memory, for hardware GPUs' },
  {
    value: 'shared-f16',
    label: 'Shared f16',
    title: 'The same with float16 arithmetic; needs shader-f16',
  },
  { value: 'register', label: 'Register', title: 'Large tiles in registers; needs no feature' },
  { value: 'subgroup', label: 'Subgroup', title: 'Rows broadcast within subgroups of 8 or 16 lanes' },
];

export function TileChoice({ value, onChange }: { value: Choice; onChange: (value: Choice) => void }) {
  return <Segmented label="Kernels" value={value} options={OPTIONS} onChange={onChange} />;
}
