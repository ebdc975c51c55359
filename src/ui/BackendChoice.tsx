import { Segmented } from './Segmented';

type Choice = 'auto' | 'webgpu' | 'wasm';

const OPTIONS: { value: Choice; label: string; title: string }[] = [
  { value: 'auto', label: 'Auto', title: 'A hardware GPU if there is one, otherwise WebAssembly' },
  { value: 'webgpu', label: 'WebGPU', title: 'The GPU adapter, even if it is a software one' },
  { value: 'wasm', label: 'wasm', title: 'WebAssembly on the processor' },
];

export function BackendChoice({ value, onChange }: { value: Choice; onChange: (value: Choice) => void }) {
  return <Segmented label="Run on" value={value} options={OPTIONS} onChange={onChange} />;
}
