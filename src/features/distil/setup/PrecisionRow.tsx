import { useApp, useEngine } from '../../../state/react';
import { Segmented } from '../../../ui/Segmented';
import { useSetup } from '../use-setup';
import { ParamRow } from './ParamRow';

const EXACT = 'Everything is computed and stored in float32';
const MIXED =
  'Activations are float16, a little more than half the memory of a step; weights, gradients and losses stay float32';
const NEEDS = 'Mixed precision needs WebGPU on a GPU with shader-f16';

/** In what the steps of a run compute: float16 only where the GPU can. */
export function PrecisionRow() {
  const { controller } = useApp();
  const { config, base } = useSetup();
  const able = useEngine((s) => s.status?.backend?.float16 ?? false);
  return (
    <ParamRow
      label="Precision"
      range={able ? 'of activations' : 'mixed needs shader-f16'}
      changed={config.dtype !== base.dtype}
      onReset={() => controller.distil.configure({ dtype: base.dtype })}
    >
      <Segmented
        label="Precision"
        value={config.dtype}
        options={[
          { value: 'f32', label: 'float32', title: EXACT },
          { value: 'f16', label: 'mixed', title: able ? MIXED : NEEDS, disabled: !able },
        ]}
        onChange={(dtype) => controller.distil.configure({ dtype: dtype === 'f16' ? 'f16' : 'f32' })}
      />
    </ParamRow>
  );
}
