/**
 * The discrete schedule of improved DDPM as iDDPMPrecond of NVlabs/edm has it (Karras et al. 2022, table 1):
 * u[M] = 0 and, from there upwards, u[j-1] = sqrt((u[j]^2 + 1) / max(a[j-1] / a[j], C1) - 1) with
 * a[j] = sin(pi/2 j / (M (C2 + 1)))^2. Rounded to float32 after every operation, as the published code does.
 */
export function iddpmLevels(M: number, C1: number, C2: number): Float32Array {
  const f = Math.fround;
  const alphaBar = (j: number): number => {
    const sine = f(Math.sin(f(f(f(f(0.5 * Math.PI) * j) / M) / f(C2 + 1))));
    return f(sine * sine);
  };
  const u = new Float32Array(M + 1);
  for (let j = M; j > 0; j--) {
    const ratio = Math.max(f(alphaBar(j - 1) / alphaBar(j)), f(C1));
    u[j - 1] = f(Math.sqrt(f(f(f(f(u[j]! * u[j]!) + 1) / ratio) - 1)));
  }
  return u;
}

/** Index of the level nearest to sigma; of two equally near ones the first. */
export function nearestLevel(levels: Float32Array, sigma: number): number {
  let best = 0;
  for (let j = 1; j < levels.length; j++)
    if (Math.abs(levels[j]! - sigma) < Math.abs(levels[best]! - sigma)) best = j;
  return best;
}
