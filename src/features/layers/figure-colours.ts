import type { Ramp } from '../../ui/ramp';

/** The light theme's scales and inks (ui/tokens.css), for files: they are printed, whatever the page looks like. */
export const LIGHT_RAMPS: { sequential: Ramp; diverging: Ramp; ink: string; ground: string; mark: string } = {
  sequential: [
    [240, 241, 232],
    [191, 227, 210],
    [143, 208, 193],
    [100, 186, 178],
    [64, 161, 162],
    [33, 136, 147],
    [7, 110, 132],
    [3, 85, 115],
    [17, 60, 94],
    [17, 37, 68],
    [11, 19, 38],
  ],
  diverging: [
    [0, 55, 96],
    [1, 89, 150],
    [58, 128, 190],
    [114, 167, 217],
    [174, 205, 231],
    [241, 240, 237],
    [239, 198, 162],
    [231, 152, 93],
    [209, 105, 37],
    [169, 68, 4],
    [120, 44, 7],
  ],
  ink: '#171a1a',
  ground: '#ffffff',
  mark: '#d75c03',
};
