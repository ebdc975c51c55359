import type { SamplerName } from '../../lib/sampling';

/** How an image may be made, as a choice of three. */
export const SAMPLER_OPTIONS: { value: SamplerName; label: string; title: string }[] = [
  { value: 'one-step', label: '1', title: 'One step: the network runs once' },
  {
    value: 'two-step',
    label: '2',
    title: 'Two steps: the network runs twice, the second time on the way from noise to image',
  },
  { value: 'heun', label: 'Heun', title: 'Many steps: the way to sample a diffusion teacher' },
];
