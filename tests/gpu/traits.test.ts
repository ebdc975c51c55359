import { describe, expect, it } from 'vitest';
import { chooseTraits, HARDWARE, HARDWARE_F16 } from '../../src/gpu/traits';
import type { TileChoice } from '../../src/lib/backends';

const F16 = 'shader-f16';
const lanes = (count: number) => ({ subgroupMinSize: count, subgroupMaxSize: count });

function traits(
  { features = [], info = {}, software = false }: { features?: string[]; info?: object; software?: boolean },
  choice?: TileChoice,
) {
  const device = { features: new Set(features) } as unknown as GPUDevice;
  return chooseTraits(device, info as GPUAdapterInfo, software, choice);
}

describe('the table of kernels', () => {
  it('multiplies in float16 where the hardware can', () => {
    expect(traits({ features: [F16] }).tile).toEqual(HARDWARE_F16.tile);
    expect(traits({ features: [F16] }).reason).toBe(`hardware adapter: ${HARDWARE_F16.reason}`);
    expect(traits({}).tile).toEqual(HARDWARE.tile);
    expect(traits({}).reason).not.toContain('float16');
  });

  it('never by itself on a software adapter', () => {
    const lavapipe = { features: [F16, 'subgroups'], info: lanes(8), software: true };
    expect(traits(lavapipe).tile).toEqual({ kind: 'subgroup', lanes: 8 });
    expect(traits({ features: [F16], info: lanes(4), software: true }).tile.kind).toBe('register');
  });

  it('can be told to, and not to', () => {
    const chosen = traits({ features: [F16], software: true }, 'shared-f16');
    expect(chosen).toEqual({ ...HARDWARE_F16, reason: `as chosen: ${HARDWARE_F16.reason}` });
    expect(traits({ features: [F16] }, 'shared')).toEqual({
      ...HARDWARE,
      reason: `as chosen: ${HARDWARE.reason}`,
    });
  });

  it('says what a choice lacks, and takes what suits the adapter', () => {
    const halves = traits({}, 'shared-f16');
    expect(halves.tile).toEqual(HARDWARE.tile);
    expect(halves.reason).toContain('float16 arithmetic needs shader-f16, which this adapter lacks');
    const subgroups = traits({ features: [F16] }, 'subgroup');
    expect(subgroups.tile).toEqual(HARDWARE_F16.tile);
    expect(subgroups.reason).toContain('subgroup tiles need subgroups of 8 or 16 lanes');
  });
});
