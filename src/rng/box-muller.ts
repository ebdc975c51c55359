/**
 * Box-Muller on two uint32 words, with a logarithm and a sine of our own. JavaScript engines may round
 * Math.log and Math.sin differently (Chrome and Node link different trigonometric code); sums, products,
 * quotients and square roots are exact everywhere, so a seed gives the same bits in every browser and in Node.
 * Both series are accurate to about 1e-16, far below the float32 result.
 */

/** ln(g * 2^-32 + 2^-33) for a uint32 g. */
export function logUniform(g: number): number {
  // u = m * 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh((m - 1) / (m + 1)).
  let m = g + 0.5;
  let e = -32;
  const shift = 32 - Math.clz32(g);
  m /= 2 ** shift;
  e += shift;
  if (m < Math.SQRT1_2) {
    m *= 2;
    e -= 1;
  }
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let series = 0;
  for (let k = 23; k >= 1; k -= 2) series = series * s2 + 1 / k;
  return e * Math.LN2 + 2 * s * series;
}

/** sin(2 pi (g * 2^-32 + 2^-33)) for a uint32 g. */
export function sinUniform(g: number): number {
  const turns = (g + 0.5) * 2 ** -32;
  const quarter = Math.round(turns * 4);
  const x = (turns - quarter / 4) * 2 * Math.PI; // exact reduction to [-pi/4, pi/4]
  const x2 = x * x;
  switch (quarter & 3) {
    case 0:
      return sinSeries(x, x2);
    case 1:
      return cosSeries(x2);
    case 2:
      return -sinSeries(x, x2);
    default:
      return -cosSeries(x2);
  }
}

function sinSeries(x: number, x2: number): number {
  let s = 1;
  for (let k = 18; k >= 2; k -= 2) s = 1 - (x2 / (k * (k + 1))) * s;
  return x * s;
}

function cosSeries(x2: number): number {
  let s = 1;
  for (let k = 17; k >= 1; k -= 2) s = 1 - (x2 / (k * (k + 1))) * s;
  return s;
}

/** One standard normal from two uint32 words: sqrt(-2 ln u) * sin(2 pi v). */
export function boxMuller(g0: number, g1: number): number {
  return Math.sqrt(-2 * logUniform(g0)) * sinUniform(g1);
}
